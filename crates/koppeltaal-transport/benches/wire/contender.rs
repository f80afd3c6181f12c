//! The three contenders, which make the same requests: a bare loop, a bare loop that reads and writes
//! documents, and the client.

use std::time::Instant;

use koppeltaal_fhir::{Bundle, Document, ReadOptions};
use koppeltaal_messaging::{Acknowledgement, Header};
use koppeltaal_transport::{Client, Credentials, Format};

use crate::baseline::Baseline;

/// A way of making the requests, and its rates in all rounds so far.
pub(crate) struct Contender {
    method: Method,
    /// Of each round, in requests per second.
    rates: Vec<f64>,
}

enum Method {
    /// Sends bytes, takes bytes.
    Bare(Baseline),
    /// Does only what a program with typed messages needs in addition: one write and one read of each
    /// document, with the same model.
    Typed(Baseline, Format),
    Client(Client),
}

/// What is sent: as a document, and as the bytes that are sent of it.
pub(crate) struct Outgoing {
    pub(crate) bundle: Bundle,
    pub(crate) text: String,
}

impl Contender {
    /// The three, in the order of [`report`].
    pub(crate) fn all(url: &str, username: &str, format: Format) -> [Self; 3] {
        let bare = || Baseline::new(url, username, format);
        [Method::Bare(bare()), Method::Typed(bare(), format), Method::Client(client(url, username, format))]
            .map(|method| Self { method, rates: Vec::new() })
    }

    pub(crate) async fn send(&mut self, messages: impl ExactSizeIterator<Item = &Outgoing>) {
        let requests = messages.len();
        let started = Instant::now();
        for message in messages {
            match &self.method {
                Method::Bare(bare) => drop(bare.post(message.text.clone()).await),
                Method::Typed(bare, format) => {
                    let text = message.bundle.write(*format).expect("it can be written");
                    read(*format, &bare.post(text).await);
                }
                Method::Client(client) => drop(client.send(&message.bundle).await.expect("accepted")),
            }
        }
        self.take(requests, started);
    }

    /// Claims as many messages as there are numbers and acknowledges each. The bare loop knows the numbers
    /// beforehand and sends `header` for all; the others find both in what they claim.
    pub(crate) async fn drain(&mut self, numbers: &[String], header: &str) {
        let started = Instant::now();
        for number in numbers {
            match &self.method {
                Method::Bare(bare) => {
                    bare.claim().await;
                    bare.put(number, header.to_owned()).await;
                }
                Method::Typed(bare, format) => {
                    let bundle = read(*format, &bare.claim().await).into_bundle().expect("a bundle");
                    let header = Header::all_from_bundle(&bundle).next().expect("a header");
                    let number = header.url().expect("an address").id();
                    let text = acknowledged(&header, *format);
                    // The answer is not parsed: the client, too, reads no more than its type.
                    bare.put(number, text).await;
                }
                Method::Client(client) => {
                    let message = client.claim().await.expect("an answer").expect("a message");
                    let done = client.acknowledge(&message.header, &Acknowledgement::Success).await;
                    done.expect("accepted");
                }
            }
        }
        self.take(2 * numbers.len(), started);
    }

    fn take(&mut self, requests: usize, started: Instant) {
        self.rates.push(requests as f64 / started.elapsed().as_secs_f64());
    }
}

pub(crate) fn client(url: &str, username: &str, format: Format) -> Client {
    let credentials = Credentials::basic(username, "secret").expect("credentials");
    Client::builder(url).credentials(credentials).format(format).build().expect("a client")
}

/// The bytes of an acknowledgement.
pub(crate) fn acknowledged(header: &Header, format: Format) -> String {
    let header = header.acknowledged(&Acknowledgement::Success, koppeltaal_fhir::primitives::Instant::now());
    Document::from(header.expect("it is new")).write(format).expect("it can be written")
}

fn read(format: Format, body: &[u8]) -> Document {
    ReadOptions::tolerant().read(format, body).expect("a document").document
}

/// Rates and ratios are medians. Each ratio compares two neighbouring rounds, since the machine does other
/// things as well and its speed varies. So the ratio of the rates need not be the median of the ratios.
pub(crate) fn report(what: &str, contenders: &[Contender; 3]) {
    let [bare, typed, client] = contenders.each_ref().map(|contender| median(contender.rates.clone()));
    let ratio = |floor: &Contender| {
        median(contenders[2].rates.iter().zip(&floor.rates).map(|(client, floor)| client / floor).collect())
    };
    println!(
        "{what}: {bare:.0}, {typed:.0}, {client:.0}; {:.2} of the bare loop, {:.2} of the typed one",
        ratio(&contenders[0]),
        ratio(&contenders[1])
    );
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len().is_multiple_of(2) {
        f64::midpoint(values[middle - 1], values[middle])
    } else {
        values[middle]
    }
}
