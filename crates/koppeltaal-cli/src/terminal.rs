//! Asking for a secret at the terminal, which must echo again however the program ends.

use std::io;

use crate::signals;

/// Asks for a line that is not shown. On Unix, Ctrl-C and SIGTERM end the program with the usual exit code,
/// and bring back the terminal as it was.
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
    // The prompt still waits in its line.
    anstream::eprintln!();
    std::process::exit(code)
}

/// From now on, signals that nobody else listens to end the program after the terminal is as it is now.
#[cfg(unix)]
fn end_on_signal() {
    use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

    let terminal = std::fs::File::open("/dev/tty").ok();
    let before = terminal.and_then(|terminal| tcgetattr(&terminal).ok().map(|before| (terminal, before)));
    signals::when_nobody_listens(move |code| {
        if let Some((terminal, before)) = &before {
            // If this fails, there is no terminal any more.
            let _ = tcsetattr(terminal, OptionalActions::Now, before);
        }
        end(code)
    });
}
