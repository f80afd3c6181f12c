//! Proxies that the environment names. The tests reach this machine as 0.0.0.0, because no request to a
//! loopback address goes through a proxy.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Output, Stdio};
use std::sync::mpsc::{Receiver, channel};

use koppeltaal_sandbox::SandboxConfig;

use crate::support::{command, stderr};

/// A proxy to one port of this machine, and the first line and proxy credentials of each connection's first
/// request.
fn proxy(to: u16) -> (u16, Receiver<(String, Option<String>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (sender, seen) = channel();
    std::thread::spawn(move || {
        for mut from in listener.incoming().flatten() {
            let mut bytes = [0; 4096];
            let length = from.read(&mut bytes).unwrap_or_default();
            let head = String::from_utf8_lossy(&bytes[..length]).into_owned();
            let credentials = head.lines().find_map(|line| line.strip_prefix("proxy-authorization: "));
            let first = head.lines().next().unwrap_or_default().to_owned();
            // An error means that the test is over.
            let _ = sender.send((first, credentials.map(str::to_owned)));
            let mut server = TcpStream::connect(("127.0.0.1", to)).expect("the server");
            server.write_all(&bytes[..length]).expect("it reads");
            let (mut back, mut answers) =
                (from.try_clone().expect("a socket"), server.try_clone().expect("a socket"));
            // Each socket is shut down even after an error, so that both sides see the end.
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut answers, &mut back);
                let _ = back.shutdown(Shutdown::Both);
            });
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut from, &mut server);
                let _ = server.shutdown(Shutdown::Both);
            });
        }
    });
    (port, seen)
}

fn metadata(server: &str, environment: &[(&str, &str)]) -> Output {
    let mut command = command(&["metadata", "--server", server, "--allow-plain-http"]);
    for name in [
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
        "NO_PROXY",
        "no_proxy",
    ] {
        command.env_remove(name);
    }
    command.envs(environment.iter().copied()).stdin(Stdio::null()).output().expect("the binary runs")
}

#[test]
fn the_proxy_of_the_environment_is_used_unless_the_environment_excepts_the_server() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let sandbox = runtime.block_on(SandboxConfig::new().portal_and_game().start()).expect("a sandbox");
    let port = sandbox.address().port();
    let (proxy_port, seen) = proxy(port);
    let proxy = format!("http://user:Geheim2@127.0.0.1:{proxy_port}");
    let server = format!("http://0.0.0.0:{port}");

    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
        let output = metadata(&server, &[(name, &proxy)]);
        assert_eq!(output.status.code(), Some(0), "{name}: {}", stderr(&output));
        let (first, credentials) = seen.recv().expect("a request");
        assert_eq!(first, format!("GET {server}/FHIR/Koppeltaal/metadata HTTP/1.1"), "{name}");
        assert_eq!(credentials.as_deref(), Some("Basic dXNlcjpHZWhlaW0y"), "{name}");
    }
    for excepted in ["0.0.0.0", "other.example, 0.0.0.0", "0.0.0.0/8"] {
        let output = metadata(&server, &[("HTTP_PROXY", &proxy), ("NO_PROXY", excepted)]);
        assert_eq!(output.status.code(), Some(0), "{excepted}: {}", stderr(&output));
        assert!(seen.try_recv().is_err(), "{excepted}");
    }
    // A server on this machine.
    let output = metadata(sandbox.url(), &[("HTTP_PROXY", &proxy)]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(seen.try_recv().is_err());
    // A proxy that says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("an address");
    std::thread::spawn(move || silent.incoming().for_each(drop));
    let output = metadata(&server, &[("HTTP_PROXY", &format!("http://user:Geheim2@{address}"))]);
    assert_eq!(output.status.code(), Some(2));
    assert!(!stderr(&output).contains("Geheim2"), "{}", stderr(&output));
    runtime.block_on(sandbox.stop());
}
