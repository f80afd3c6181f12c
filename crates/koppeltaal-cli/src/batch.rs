//! [`in_order`]: does the same work on many inputs, on all processors, and hands over the results in the
//! order of the inputs.

use std::io;
use std::num::NonZero;
use std::sync::mpsc::sync_channel;
use std::thread;

/// How many groups of inputs, and how many of results, may wait for each thread. More would only take memory.
const WAITING: usize = 2;

/// How many inputs a group has at most. Threads that hand each other one small input at a time would spend
/// most of their time on that.
const GROUP: usize = 64;

/// How many bytes of inputs complete a group.
const GROUP_SIZE: u64 = 1 << 20;

/// Does `work` on each input, and gives the results to `take` in the order of the inputs. Threads get groups
/// of inputs in turn, so only a few groups are in memory. `size` is the size of an input, in bytes.
///
/// # Errors
///
/// The first error of `take`, after which nothing more is done; or a thread cannot be started.
pub(crate) fn in_order<I: Send, T: Send>(
    mut inputs: impl Iterator<Item = I> + Send,
    size: impl Fn(&I) -> u64 + Send,
    work: impl Fn(I) -> T + Sync,
    mut take: impl FnMut(T) -> io::Result<()>,
) -> io::Result<()> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let work = &work;
    thread::scope(|scope| {
        let (mut entrances, mut exits) = (Vec::new(), Vec::new());
        for _ in 0..threads {
            let (entrance, groups) = sync_channel::<Vec<I>>(WAITING);
            let (results, exit) = sync_channel::<Vec<T>>(WAITING);
            // A send fails when nobody takes the results any more.
            let run = move || {
                groups.into_iter().all(|group| results.send(group.into_iter().map(work).collect()).is_ok())
            };
            thread::Builder::new().spawn_scoped(scope, run)?;
            entrances.push(entrance);
            exits.push(exit);
        }
        let share_out = move || {
            entrances.iter().cycle().all(|entrance| {
                let group = group(&mut inputs, &size);
                !group.is_empty() && entrance.send(group).is_ok()
            })
        };
        thread::Builder::new().spawn_scoped(scope, share_out)?;
        for exit in exits.iter().cycle() {
            // The first thread without another result got no more inputs, so no thread did.
            let Ok(results) = exit.recv() else { break };
            results.into_iter().try_for_each(&mut take)?;
        }
        Ok(())
    })
}

/// The next inputs, empty if there are none.
fn group<I>(inputs: &mut impl Iterator<Item = I>, size: impl Fn(&I) -> u64) -> Vec<I> {
    let (mut group, mut total) = (Vec::new(), 0_u64);
    while group.len() < GROUP && total < GROUP_SIZE {
        let Some(input) = inputs.next() else { break };
        total = total.saturating_add(size(&input));
        group.push(input);
    }
    group
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_inputs() {
        for count in [0, 1, 2, 3, 64, 65, 5000] {
            let mut taken = Vec::new();
            let take = |double| {
                taken.push(double);
                Ok(())
            };
            assert!(in_order(0..count, |_| 1, |number| number * 2, take).is_ok());
            assert_eq!(taken, (0..count).map(|number| number * 2).collect::<Vec<_>>());
        }
    }

    #[test]
    fn nothing_more_is_done_after_an_error() {
        let mut taken = 0;
        let take = |_| {
            taken += 1;
            if taken == 3 { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) }
        };
        // The inputs have no end, so this test ends only if the threads do.
        let done = in_order(0_u64.., |_| 1, |number| number, take);
        assert_eq!((done.map_err(|error| error.kind()), taken), (Err(io::ErrorKind::BrokenPipe), 3));
    }

    #[test]
    fn a_large_input_ends_its_group() {
        let mut inputs = [1, GROUP_SIZE, 1, GROUP_SIZE + 1].into_iter();
        let mut next = || group(&mut inputs, |size| *size);
        assert_eq!(next(), [1, GROUP_SIZE]);
        assert_eq!(next(), [1, GROUP_SIZE + 1]);
        assert!(next().is_empty());
    }
}
