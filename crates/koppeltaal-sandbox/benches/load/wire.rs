//! A minimal client: its requests are bytes that were made beforehand, and of an answer it reads only the
//! length.

use std::net::SocketAddr;

use koppeltaal_fhir::Format;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A connection that is kept alive.
pub(crate) struct Wire {
    pub(crate) stream: TcpStream,
    buffer: Vec<u8>,
}

impl Wire {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("a server");
        stream.set_nodelay(true).expect("set");
        Self { stream, buffer: Vec::with_capacity(64 << 10) }
    }

    /// The body of the answer, which has to be a success.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> &[u8] {
        self.buffer.clear();
        self.stream.write_all(request).await.expect("sent");
        let (head, length) = self.head().await;
        assert!(length > 0, "an answer without a body");
        while self.buffer.len() < head + length {
            assert!(self.stream.read_buf(&mut self.buffer).await.expect("an answer") > 0);
        }
        &self.buffer[head..]
    }

    /// The stream, after an answer that switches it to another protocol, and before anything in that.
    pub(crate) async fn switch(mut self) -> TcpStream {
        self.buffer.clear();
        let mut byte = [0];
        while !self.buffer.ends_with(b"\r\n\r\n") {
            self.stream.read_exact(&mut byte).await.expect("an answer");
            self.buffer.extend(byte);
        }
        assert!(self.buffer.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&self.buffer));
        self.stream
    }

    /// Reads a head, and gives its length and that of the body.
    async fn head(&mut self) -> (usize, usize) {
        let end = loop {
            assert!(self.stream.read_buf(&mut self.buffer).await.expect("an answer") > 0);
            if let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let head = std::str::from_utf8(&self.buffer[..end]).expect("ASCII");
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let fields = head.lines().filter_map(|line| line.split_once(':'));
        let mut lengths = fields.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let length = lengths.next().map_or(0, |(_, length)| length.trim().parse().expect("a length"));
        (end, length)
    }
}

/// The bytes of a post.
pub(crate) fn post(body: &str, format: Format) -> Vec<u8> {
    let media_type = media_type(format);
    let mut request = format!(
        "POST /FHIR/Koppeltaal/Mailbox HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\n\
         Accept: {media_type}\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n\r\n",
        crate::PORTAL,
        body.len()
    );
    request.push_str(body);
    request.into_bytes()
}

/// The bytes of a claim.
pub(crate) fn claim(format: Format) -> Vec<u8> {
    let path = "/FHIR/Koppeltaal/MessageHeader/_search?_query=MessageHeader.GetNextNewAndClaim";
    let media_type = media_type(format);
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\nAccept: {media_type}\r\n\r\n",
        crate::GAME
    )
    .into_bytes()
}

pub(crate) fn media_type(format: Format) -> &'static str {
    match format {
        Format::Json => "application/json",
        _ => "application/atom+xml",
    }
}
