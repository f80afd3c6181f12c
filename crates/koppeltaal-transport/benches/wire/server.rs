//! A server with canned answers, and the messages of the benchmark.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use koppeltaal_fhir::resources::MessageHeader;
use koppeltaal_fhir::{Bundle, Document};
use koppeltaal_messaging::Header;
use koppeltaal_transport::Format;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const MESSAGE: &str = include_str!("../../../../fixtures/messages/CreateOrUpdateCarePlan-full.json");
const REPLY: &str = include_str!("../../../../fixtures/bundles/mailbox-reply.json");
const EMPTY: &str = include_str!("../../../../fixtures/bundles/search-empty.json");

/// The message that is sent and claimed: a care plan with all that belongs to it.
pub(crate) fn fixture() -> Bundle {
    crate::read(MESSAGE)
}

/// A new message: identifier and care plan are new, and nothing has a version.
pub(crate) fn numbered(number: usize) -> Bundle {
    let mut bundle =
        crate::read(include_str!("../../../../fixtures/messages/CreateOrUpdateCarePlan-minimal.json"));
    let url = format!("https://portal.example/fhir/CarePlan/{number}");
    let header: &mut MessageHeader =
        bundle.entry[0].content.as_mut().and_then(|content| content.get_mut()).expect("a header");
    header.identifier = format!("message-{number}").as_str().into();
    header.data[0].reference = url.as_str().into();
    url.clone_into(&mut bundle.entry[1].link[0].href);
    bundle.entry[1].id = Some(url);
    bundle
}

/// The server. A GET gets a message while one is left, a POST the reply, a PUT a header.
pub(crate) struct CannedServer {
    pub(crate) url: String,
    pub(crate) format: Format,
    /// How many messages may still be claimed.
    left: Arc<AtomicUsize>,
}

struct Answers {
    reply: Vec<u8>,
    message: Vec<u8>,
    empty: Vec<u8>,
    header: Vec<u8>,
}

impl CannedServer {
    pub(crate) async fn start(format: Format, latency: Duration) -> Self {
        let message = fixture();
        let header = Header::all_from_bundle(&message).next().expect("a header");
        let mut reply = crate::read(REPLY);
        let reply_header: &mut MessageHeader =
            reply.entry[0].content.as_mut().and_then(|content| content.get_mut()).expect("a header");
        reply_header.event.clone_from(&header.fhir().event);
        reply_header.response.as_mut().expect("a response").identifier = header.fhir().identifier.clone();
        let mut header_entry = message.entry[0].clone();
        let answer = |document: Document| {
            let body = document.write(format).expect("it can be written");
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n",
                format.media_type(&document),
                body.len()
            );
            (head + &body).into_bytes()
        };
        let mut message = message;
        message.entry[0].id = Some("https://koppeltaal.example/FHIR/Koppeltaal/MessageHeader/306".to_owned());
        let answers = Arc::new(Answers {
            reply: answer(reply.into()),
            message: answer(message.into()),
            empty: answer(crate::read(EMPTY).into()),
            header: answer(Document::Resource(header_entry.content.take().expect("a header"))),
        });
        let left = Arc::new(AtomicUsize::new(usize::MAX / 2));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let remaining = left.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let _ = socket.set_nodelay(true);
                tokio::spawn(serve(socket, answers.clone(), remaining.clone(), latency));
            }
        });
        Self { url, format, left }
    }

    /// From now on this many messages wait.
    pub(crate) fn fill(&self, messages: usize) {
        self.left.store(messages, Ordering::SeqCst);
    }
}

async fn serve(mut socket: TcpStream, answers: Arc<Answers>, left: Arc<AtomicUsize>, latency: Duration) {
    let mut bytes = Vec::with_capacity(64 << 10);
    loop {
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            if socket.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                return;
            }
        };
        let head = std::str::from_utf8(&bytes[..end]).expect("a head in ASCII");
        let length = head.lines().filter_map(|line| line.split_once(':')).find_map(|(name, value)| {
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse::<usize>().expect("a length"))
        });
        let answer = match bytes[0] {
            b'G' => {
                let take = |left: usize| left.checked_sub(1);
                match left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take) {
                    Ok(_) => &answers.message,
                    Err(_) => &answers.empty,
                }
            }
            b'P' if bytes[1] == b'O' => &answers.reply,
            _ => &answers.header,
        };
        let total = end + length.unwrap_or(0);
        while bytes.len() < total {
            if socket.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                return;
            }
        }
        bytes.drain(..total);
        if !latency.is_zero() {
            // tokio's timer is too coarse for less than two milliseconds.
            let pause = tokio::task::spawn_blocking(move || std::thread::sleep(latency));
            pause.await.expect("no panic");
        }
        if socket.write_all(answer).await.is_err() {
            return;
        }
    }
}
