//! Where to listen, as people write it: `127.0.0.1:8490`, `localhost:8490`, `:8490`, or just `8490`.

use std::net::{Ipv4Addr, SocketAddr};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::ConfigError;

/// The address in a text. A port alone is one of 127.0.0.1, and `localhost` means 127.0.0.1. Other names are
/// not looked up.
pub(super) fn address(text: &str) -> Result<SocketAddr, ConfigError> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let port = match text.rsplit_once(':') {
        Some((host, port)) if host.is_empty() || host.eq_ignore_ascii_case("localhost") => port,
        Some(_) => "",
        None => text,
    };
    let port = port.parse().map_err(|_| ConfigError::Listen(text.to_owned()))?;
    Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
}

/// Reads an address from a configuration file: a text, or the number of a port.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SocketAddr, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected an address such as \"127.0.0.1:8490\", or a port")]
    enum Listen {
        Port(u16),
        Text(String),
    }
    match Listen::deserialize(from)? {
        Listen::Port(port) => Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
        Listen::Text(text) => address(&text).map_err(D::Error::custom),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_people_write_it() {
        let local = SocketAddr::from(([127, 0, 0, 1], 8490));
        for text in ["127.0.0.1:8490", "localhost:8490", "LOCALHOST:8490", ":8490", "8490"] {
            assert_eq!(address(text), Ok(local), "{text}");
        }
        for text in ["", "localhost", "example.com:80", "65536", "127.0.0.1", "http://localhost:80"] {
            assert_eq!(address(text), Err(ConfigError::Listen(text.to_owned())));
        }
    }
}
