"""Runs the command in pseudo-terminals, as a person does: the password prompt and the progress of long work.

Usage: terminal.py COMMAND MESSAGE. Prints what is wrong, a line each, and exits with the number of lines.
"""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import tempfile
import termios
import time

COMMAND, MESSAGE = sys.argv[1:]
MESSAGES = 40
SECRET = "not-the-password"
wrong = []


def check(name, holds, seen=""):
    print(f"{'ok' if holds else 'WRONG'}: {name}")
    if not holds:
        wrong.append(name)
        print(f"  seen: {seen!r}")


def environment():
    without = {name: value for name, value in os.environ.items() if not name.startswith("KOPPELTAAL_")}
    return {**without, "TERM": "xterm", "COLUMNS": "80"}


class Terminal:
    """A process whose standard streams and controlling terminal are a pseudo-terminal."""

    def __init__(self, *arguments, output=None):
        self.seen = ""
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            if output:
                os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT, 0o600), 1)
            os.execve(COMMAND, [COMMAND, *arguments], environment())

    def until(self, text, seconds=20):
        """Reads until the text is there; whether it came."""
        end = time.monotonic() + seconds
        while text not in self.seen and time.monotonic() < end:
            if not self.read(end - time.monotonic()):
                break
        return text in self.seen

    def read(self, seconds):
        if not select.select([self.terminal], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.terminal, 4096)
        except OSError:  # how Linux tells that nobody has the other end any more
            return False
        self.seen += data.decode("utf-8", "replace")
        return bool(data)

    def asked(self, question):
        """Whether the question came, and what is typed is no longer shown. Nobody types as fast as the one follows the other,
        but this script would."""
        came = self.until(question)
        end = time.monotonic() + 20
        while came and termios.tcgetattr(self.terminal)[3] & termios.ECHO and time.monotonic() < end:
            time.sleep(0.01)
        return came

    def type(self, text):
        os.write(self.terminal, text.encode())

    def end(self):
        """Reads to the end; the exit code, or the number of the signal below zero."""
        while self.read(20):
            pass
        self.echoes = bool(termios.tcgetattr(self.terminal)[3] & termios.ECHO)
        os.close(self.terminal)
        return os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])


def main():
    sandbox = subprocess.Popen(
        [COMMAND, "sandbox", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True, env=environment()
    )
    try:
        server = sandbox.stdout.readline().split()[1]
        with tempfile.TemporaryDirectory() as directory:
            fill(server, directory)
            prompt(server)
            progress(server, directory)
    finally:
        sandbox.terminate()
        sandbox.wait()


def fill(server, directory):
    """Puts messages into the queue of the game."""
    with open(MESSAGE, encoding="utf-8") as file:
        message = json.load(file)
    for number in range(MESSAGES):
        header, plan = (entry["content"] for entry in message["entry"][:2])
        url = f"https://portal.example/fhir/CarePlan/{number}"
        header["identifier"] = f"message-{number}"
        header["data"] = [{"reference": url}]
        for category in message["category"]:
            if category["scheme"].endswith("/security"):
                category["term"] = "http://ggz.koppeltaal.nl/fhir/Koppeltaal/Domain#Sandbox"
                category["label"] = "Sandbox"
        message["entry"][1]["id"] = url
        message["entry"][1]["link"] = [{"rel": "self", "href": url}]
        assert plan["resourceType"] == "CarePlan"
        path = os.path.join(directory, "message.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(message, file)
        sent = subprocess.run(
            [COMMAND, "send", path, "--server", server, "--username", "portal"],
            env={**environment(), "KOPPELTAAL_PASSWORD": "portal"},
            capture_output=True,
            text=True,
        )
        assert sent.returncode == 0, sent.stderr


def prompt(server):
    arguments = ["messages", "--server", server, "--username", "game", "--limit", "1"]
    terminal = Terminal(*arguments)
    check("the password is asked for", terminal.asked("Password of game: "), terminal.seen)
    terminal.type("game\n")
    code = terminal.end()
    after = terminal.seen.split("Password of game: ", 1)[-1]
    check("the password that was typed works", code == 0 and "CreateOrUpdateCarePlan" in after, terminal.seen)
    check("the password is not shown", not after.lstrip("\r\n").startswith("game"), terminal.seen)

    terminal = Terminal(*arguments)
    terminal.asked("Password of game: ")
    terminal.type(f"{SECRET}\n")
    code = terminal.end()
    check("a wrong password is an error that does not show it", code == 1 and SECRET not in terminal.seen, terminal.seen)

    terminal = Terminal(*arguments)
    terminal.asked("Password of game: ")
    terminal.type("\x03")
    check("Ctrl-C ends the prompt", terminal.end() == 130, terminal.seen)
    check("and the terminal echoes again", terminal.echoes)

    terminal = Terminal(*arguments)
    terminal.asked("Password of game: ")
    os.kill(terminal.process, signal.SIGTERM)
    check("so it does when the command is terminated", terminal.end() == 143 and terminal.echoes, terminal.seen)

    # The prompt goes to the terminal wherever standard output goes.
    with tempfile.NamedTemporaryFile() as output:
        terminal = Terminal(*arguments, "--output", "json", output=output.name)
        asked = terminal.asked("Password of game: ")
        terminal.type("game\n")
        terminal.end()
        lines = output.read().decode().splitlines()
        check("what is printed for programs holds no prompt", asked and [json.loads(line) for line in lines], lines)


def progress(server, directory):
    password = os.path.join(directory, "password")
    with open(password, "w", encoding="utf-8") as file:
        file.write("game\n")
    arguments = ["messages", "--server", server, "--username", "game", "--password-file", password]
    folder = os.path.join(directory, "one")
    terminal = Terminal(*arguments, "--save", folder)
    code = terminal.end()
    check("long work shows how far it is", code == 0 and f"{MESSAGES} messages" in terminal.seen, terminal.seen)
    check("and no lines beside that", "CreateOrUpdateCarePlan" not in terminal.seen, terminal.seen)
    check("everything is saved", len(os.listdir(folder)) == MESSAGES, os.listdir(folder))

    output = os.path.join(directory, "output")
    terminal = Terminal(*arguments, "--save", folder, "--output", "json", output=output)
    code = terminal.end()
    with open(output, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    check("lines for programs go beside it", code == 0 and len(lines) == MESSAGES, lines)
    check("where progress is shown all the same", f"{MESSAGES} messages" in terminal.seen, terminal.seen)

    nobody = subprocess.run([COMMAND, *arguments, "--save", folder], env=environment(), capture_output=True, text=True)
    check("nobody who watches is shown no progress", nobody.returncode == 0 and nobody.stderr == "", nobody.stderr)


main()
sys.exit(len(wrong))
