//! Proxies that the environment names. The tests reach this machine as 0.0.0.0, because no request to a
//! loopback address goes through a proxy.

use std::net::TcpListener;
use std::process::{Output, Stdio};

use koppeltaal_sandbox::SandboxConfig;

use crate::forward_proxy::{ForwardProxy, PROXY_CREDENTIALS};
use crate::support::{command, stderr};

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
    let proxy = runtime.block_on(ForwardProxy::start(port));
    let server = format!("http://0.0.0.0:{port}");

    let names = ["HTTP_PROXY", "http_proxy", "ALL_PROXY"];
    for name in names {
        let output = metadata(&server, &[(name, &proxy.url())]);
        assert_eq!(output.status.code(), Some(0), "{name}: {}", stderr(&output));
    }
    let requests = proxy.requests();
    assert_eq!(requests.len(), names.len());
    for request in requests {
        assert_eq!(request.line(), format!("GET {server}/FHIR/Koppeltaal/metadata HTTP/1.1"));
        assert_eq!(request.header("proxy-authorization"), Some(PROXY_CREDENTIALS));
    }
    for excepted in ["0.0.0.0", "other.example, 0.0.0.0", "0.0.0.0/8"] {
        let output = metadata(&server, &[("HTTP_PROXY", &proxy.url()), ("NO_PROXY", excepted)]);
        assert_eq!(output.status.code(), Some(0), "{excepted}: {}", stderr(&output));
    }
    // A server on this machine.
    let output = metadata(sandbox.url(), &[("HTTP_PROXY", &proxy.url())]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(proxy.requests().len(), names.len());
    // A proxy that says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("an address");
    std::thread::spawn(move || silent.incoming().for_each(drop));
    let output = metadata(&server, &[("HTTP_PROXY", &format!("http://user:Geheim2@{address}"))]);
    assert_eq!(output.status.code(), Some(2));
    assert!(!stderr(&output).contains("Geheim2"), "{}", stderr(&output));
    runtime.block_on(sandbox.stop());
}
