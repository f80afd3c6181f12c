//! Asks for a secret at the terminal, which echoes again however the program ends.

use std::io;

use crate::signals;

/// Asks for a line that is not shown. On Unix, Ctrl-C and SIGTERM restore the terminal and end the program
/// with the usual exit code.
pub(crate) fn ask(prompt: &str) -> io::Result<String> {
    #[cfg(unix)]
    end_on_signal();
    match rpassword::prompt_password(prompt) {
        // rpassword has restored the terminal.
        Err(error) if error.kind() == io::ErrorKind::Interrupted => end(signals::INTERRUPTED),
        result => result,
    }
}

fn end(code: i32) -> ! {
    // The cursor is still behind the prompt.
    anstream::eprintln!();
    std::process::exit(code)
}

/// From now on, a signal that nobody listens to gives the terminal back its present settings, and ends the
/// program.
#[cfg(unix)]
fn end_on_signal() {
    use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

    let terminal = std::fs::File::open("/dev/tty").ok();
    let saved = terminal.and_then(|terminal| tcgetattr(&terminal).ok().map(|settings| (terminal, settings)));
    signals::when_nobody_listens(move |code| {
        if let Some((terminal, settings)) = &saved {
            // If this fails, there is no terminal any more.
            let _ = tcsetattr(terminal, OptionalActions::Now, settings);
        }
        end(code)
    });
}
