//! The protocol against sequences of frames as servers 2.0, 2.2 and 2.4 send them, and against the trap list.

use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::Transport;
use super::event_stream::{EventStream, LineTooLong};
use super::frame::{Frame, InvalidFrame, Item, ServerMessage};
use super::hub::call;
use super::keep_alive::{KeepAliveWatch, Silence};
use super::negotiate::{NegotiateError, NegotiationResponse, ProtocolVersion};
use super::query::{self, Cursor};

/// What servers of three versions sent, recorded for this project. Each line has the direction or kind, a
/// tab, and the text.
const RECORDED: [(&str, &str); 3] = [
    ("2.0", include_str!("fixtures/server-2.0.txt")),
    ("2.2", include_str!("fixtures/server-2.2.txt")),
    ("2.4", include_str!("fixtures/server-2.4.txt")),
];

fn lines<'a>(recording: &'a str, kind: &'a str) -> impl Iterator<Item = &'a str> {
    recording.lines().filter_map(move |line| {
        let (found, text) = line.split_once('\t')?;
        (found == kind).then_some(text)
    })
}

fn frame(text: &str) -> Frame {
    match ServerMessage::read(text) {
        Ok(ServerMessage::Frame(frame)) => frame,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn negotiate_of_each_line_of_servers() {
    for ((server, recording), (version, has_start, connection_timeout)) in
        RECORDED.into_iter().zip([((1, 3), false, 110), ((1, 5), true, 110), ((1, 5), true, 90)])
    {
        let body = lines(recording, "negotiate").next().expect("an answer");
        let negotiated = NegotiationResponse::read(body.as_bytes()).expect(server);
        let (major, minor) = version;
        assert_eq!(negotiated.version, ProtocolVersion { major, minor }, "{server}");
        assert_eq!(negotiated.has_start(), has_start, "{server}");
        assert_eq!(negotiated.connection_timeout, Duration::from_secs(connection_timeout), "{server}");
        assert_eq!(negotiated.keep_alive, Some(Duration::from_secs(20)), "{server}");
        assert_eq!(negotiated.reconnect_window(), Duration::from_secs(50), "{server}");
        assert!(!format!("{negotiated:?}").contains(&negotiated.connection_token), "{server}");
    }
}

#[test]
fn every_recorded_sequence_ends_with_its_cursor_groups_and_events() {
    for (server, recording) in RECORDED {
        let (mut cursor, mut events, mut results, mut keep_alives) = (Cursor::default(), vec![], vec![], 0);
        for text in lines(recording, "<") {
            match ServerMessage::read(text).unwrap_or_else(|_| panic!("{server}: {text}")) {
                ServerMessage::KeepAlive => keep_alives += 1,
                ServerMessage::Result(result) => results.push(result.id),
                ServerMessage::Fatal(error) => panic!("{server}: {error}"),
                ServerMessage::Frame(frame) => {
                    cursor.message_id = frame.message_id.or(cursor.message_id);
                    cursor.groups_token = frame.groups_token.or(cursor.groups_token);
                    for item in frame.items {
                        match item {
                            Item::Event(event) => {
                                assert!(event.is("koppeltaalhub", "newmessage"), "{server}: {event:?}");
                                events.push(event.arguments[0]["Id"].as_str().expect("an id").to_owned());
                            }
                            Item::Result(result) => results.push(result.id),
                        }
                    }
                }
            }
        }
        let expected: Vec<_> = lines(recording, "expect").collect();
        let found = [
            format!("messageId={}", cursor.message_id.unwrap_or_default()),
            format!("groupsToken={}", cursor.groups_token.unwrap_or_default()),
            format!("events={}", events.join(" ")),
            format!("results={}", results.join(" ")),
            format!("keepAlives={keep_alives}"),
        ];
        assert_eq!(found.each_ref().map(String::as_str).as_slice(), expected, "{server}");
    }
}

#[test]
fn answers_that_are_none_are_told_apart() {
    let read = |text: &str| NegotiationResponse::read(text.as_bytes()).expect_err(text);
    for text in ["", "<html>login</html>", "[]", "{}", "null", "{\"a\":1}"] {
        assert_eq!(read(text), NegotiateError::NotSignalR, "{text}");
    }
    assert_eq!(read(r#"{"connectionId":"1","availableTransports":[]}"#), NegotiateError::AspNetCore);
    assert_eq!(read(r#"{"ProtocolVersion":"1.5"}"#), NegotiateError::NoToken);
    assert_eq!(read(r#"{"RedirectUrl":"https://elsewhere.example/"}"#), NegotiateError::Redirected);
    let declined = read(r#"{"Error":"Geheim1"}"#);
    assert!(matches!(&declined, NegotiateError::Declined { reason } if reason == "Geheim1"));
    assert!(!declined.to_string().contains("Geheim1"));
    for (version, found) in [
        ("1.1", Some((1, 1))),
        ("2.2", Some((2, 2))),
        ("3.0", Some((3, 0))),
        ("x", None),
        ("2", None),
        ("-1.5", None),
    ] {
        let found = found.map(|(major, minor)| ProtocolVersion { major, minor });
        let text = json!({ "ConnectionToken": "t", "ProtocolVersion": version }).to_string();
        assert_eq!(read(&text), NegotiateError::Version { found }, "{version}");
    }
}

#[test]
fn odd_times_in_negotiate_become_usual_ones() {
    let with = |keep_alive: Value, disconnect: Value| {
        let answer = json!({ "ConnectionToken": "t", "ProtocolVersion": "1.2", "KeepAliveTimeout": keep_alive,
            "DisconnectTimeout": disconnect });
        let negotiated = NegotiationResponse::read(answer.to_string().as_bytes()).expect("an answer");
        (negotiated.keep_alive, negotiated.disconnect_timeout.as_secs_f64())
    };
    assert_eq!(with(Value::Null, json!(0.5)), (None, 0.5));
    assert_eq!(with(json!(0.0), json!(-1)), (None, 30.0));
    assert_eq!(with(json!(1e300), json!("x")), (Some(Duration::from_secs(86_400)), 30.0));
}

#[test]
fn every_value_of_a_query_is_percent_encoded() {
    let cursor = Cursor { message_id: Some("d-1,0|G,2".into()), groups_token: Some("a+/=".into()) };
    assert_eq!(
        query::connected("koppeltaalHub", Transport::LongPolling, "A+/b==", Some(&cursor)),
        "clientProtocol=1.5&transport=longPolling&connectionData=%5B%7B%22name%22%3A%22koppeltaalHub%22%7D%5D\
         &connectionToken=A%2B%2Fb%3D%3D&messageId=d-1%2C0%7CG%2C2&groupsToken=a%2B%2F%3D"
    );
    assert_eq!(query::negotiate("h"), "clientProtocol=1.5&connectionData=%5B%7B%22name%22%3A%22h%22%7D%5D");
    let first = query::connected("h", Transport::WebSockets, "t", Some(&Cursor::default()));
    assert!(!first.contains("messageId") && !first.contains("groupsToken"), "{first}");
}

#[test]
fn the_letters_of_a_frame_mean_what_their_level_says() {
    let init = frame(r#"{"C":"c","S":1,"M":[]}"#);
    assert!(init.initialized && !init.reconnect && !init.disconnect && init.items.is_empty());
    assert_eq!(init.message_id.as_deref(), Some("c"));
    let last = frame(r#"{"C":"c","T":1,"L":250,"G":"g","M":[]}"#);
    assert!(last.reconnect && !last.initialized);
    assert_eq!(
        (last.poll_delay, last.groups_token.as_deref()),
        (Some(Duration::from_millis(250)), Some("g"))
    );
    assert!(frame(r#"{"C":"c","D":1,"M":[]}"#).disconnect);
    // A cursor counts only with messages.
    assert_eq!(frame(r#"{"C":"c","G":"g"}"#).message_id, None);
    // In a result, H is no hub, T no reconnect, D no disconnect, S no init.
    let result = r#"{"I":"4","H":true,"E":"text","T":"stack","D":{"code":42},"S":{"a":1}}"#;
    let Ok(ServerMessage::Result(result)) = ServerMessage::read(result) else { panic!("a result") };
    let error = result.outcome.clone().expect_err("an error");
    assert_eq!((error.message.as_str(), error.is_hub_exception), ("text", true));
    assert_eq!((error.data, result.id.as_str()), (Some(json!({ "code": 42 })), "4"));
    assert_eq!(result.state.and_then(|state| state.get("a").cloned()), Some(json!(1)));
    assert_eq!(ServerMessage::read(r#"{"E":"over"}"#), Ok(ServerMessage::Fatal("over".into())));
}

#[test]
fn results_are_read_wherever_and_however_they_come() {
    for (text, id, value) in [
        (r#"{"R":5,"I":"7"}"#, "7", json!(5)),
        (r#"{"I":7}"#, "7", Value::Null),
        (r#"{"I":"7","E":null,"R":"x"}"#, "7", json!("x")),
    ] {
        let Ok(ServerMessage::Result(result)) = ServerMessage::read(text) else { panic!("{text}") };
        assert_eq!((result.id.as_str(), result.outcome.as_ref().ok()), (id, Some(&value)), "{text}");
        let within = frame(&format!(r#"{{"C":"c","M":[{text}]}}"#));
        assert_eq!(within.items, [Item::Result(result)], "{text}");
    }
    // Progress leaves the call open, and is not mistaken for its result.
    let progress = r#"{"I":"P|8","P":{"I":"8","D":1}}"#;
    assert_eq!(ServerMessage::read(progress), Ok(ServerMessage::KeepAlive));
    assert!(frame(&format!(r#"{{"C":"c","M":[{progress}]}}"#)).items.is_empty());
}

#[test]
fn what_is_not_for_the_hub_layer_is_left_alone() {
    let items = r#"{"C":"c","M":[1,"x",null,[],{"H":"h"},{"H":1,"M":"m"},{"H":"h","M":"m"},{"H":"h","M":"m","A":5}]}"#;
    let frame = frame(items);
    assert_eq!(frame.items.len(), 2);
    for item in frame.items {
        let Item::Event(event) = item else { panic!("an event") };
        assert!(event.is("H", "M") && event.arguments.is_empty());
    }
}

#[test]
fn spaces_and_nothing_are_signs_of_life_and_other_texts_are_not() {
    for text in ["", " ", "   \r\n", "{}", "  {}"] {
        assert_eq!(ServerMessage::read(text), Ok(ServerMessage::KeepAlive), "{text:?}");
    }
    assert!(frame("      {\"C\":\"c\",\"M\":[]}").message_id.is_some());
    for text in ["initialized", "[]", "{", "<html>", "null", "{\"C\":"] {
        assert_eq!(ServerMessage::read(text), Err(InvalidFrame::NotJson), "{text:?}");
    }
}

#[test]
fn calls_carry_state_that_servers_take() {
    let state = |length: usize| Map::from_iter([("a".to_owned(), json!("x".repeat(length)))]);
    let text = call("Hub", "StartPush", &[json!(1)], 3, &Map::new());
    assert_eq!(
        serde_json::from_str::<Value>(&text).ok(),
        Some(json!({ "H": "Hub", "M": "StartPush", "A": [1], "I": "3" }))
    );
    assert!(call("h", "m", &[], 0, &state(10)).contains(r#""S":{"a":"#));
    assert!(!call("h", "m", &[], 0, &state(5000)).contains(r#""S""#));
}

#[test]
fn texts_that_are_kept_have_bounds() {
    let long = "\u{e9}".repeat(5000);
    assert_eq!(ServerMessage::read(&json!({ "C": long, "M": [] }).to_string()), Err(InvalidFrame::TooLarge));
    assert_eq!(ServerMessage::read(&json!({ "G": long, "M": [] }).to_string()), Err(InvalidFrame::TooLarge));
    // A cursor that is not kept does not count.
    assert!(ServerMessage::read(&json!({ "C": long }).to_string()).is_ok());
    let Ok(ServerMessage::Fatal(error)) = ServerMessage::read(&json!({ "E": long }).to_string()) else {
        panic!("an error")
    };
    assert_eq!((error.chars().count(), error.chars().last()), (513, Some('\u{2026}')));
    let declined = NegotiationResponse::read(json!({ "Error": long }).to_string().as_bytes());
    assert!(matches!(declined, Err(NegotiateError::Declined { reason }) if reason == error));
    let many = format!(r#"{{"C":"c","M":[{}0]}}"#, "{\"\":0},".repeat(100_000));
    assert_eq!(ServerMessage::read(&many), Err(InvalidFrame::TooLarge));
}

#[test]
fn nothing_of_a_patient_is_shown() {
    let received = ServerMessage::read(
        r#"{"C":"c","M":[{"H":"h","M":"m","A":["Geheim1"]},{"I":"1","E":"Geheim1","D":"Geheim1"}]}"#,
    );
    let shown = format!("{received:?} {received:#?}");
    assert!(shown.contains("HubEvent") && !shown.contains("Geheim1"), "{shown}");
}

#[test]
fn events_are_read_from_chunks_cut_anywhere() {
    let stream = "data: initialized\n\ndata: {\"C\":\"é€\",\"M\":[]}\r\n\r\n: comment\nid: 5\nretry: 3\ndata:{}\r\n\r\ndata: INITIALIZED\n\n";
    let expected = ["{\"C\":\"é€\",\"M\":[]}", "{}"];
    for size in 1..stream.len() {
        let mut events = EventStream::default();
        let texts: Vec<_> = stream
            .as_bytes()
            .chunks(size)
            .flat_map(|chunk| events.push(chunk, 100).expect("short"))
            .collect();
        assert_eq!(texts, expected, "{size}");
    }
    let mut events = EventStream::default();
    assert_eq!(events.push(&[b'x'; 60], 100), Ok(vec![]));
    assert_eq!(events.push(&[b'x'; 60], 100), Err(LineTooLong));
}

#[test]
fn lines_end_with_cr_with_lf_or_with_both_wherever_chunks_do() {
    let ends = ["\r", "\n", "\r\n"];
    let lines = ["data: initialized", "", "data: {\"C\":\"1\",\"M\":[]}", "", ": comment", "data:{}", ""];
    for first in 0..ends.len() {
        // Each line with another end than the one before.
        for step in 0..ends.len() {
            let end = |place: usize| ends[(first + place * step) % ends.len()];
            let text: String =
                lines.iter().enumerate().flat_map(|(place, line)| [*line, end(place)]).collect();
            for size in 1..=text.len() {
                let mut events = EventStream::default();
                let texts: Vec<_> = text
                    .as_bytes()
                    .chunks(size)
                    .flat_map(|chunk| events.push(chunk, 100).expect("short"))
                    .collect();
                assert_eq!(texts, ["{\"C\":\"1\",\"M\":[]}", "{}"], "{text:?} {size}");
            }
        }
    }
    // A line that ends with CR is complete at once, not only when the next byte has come.
    assert_eq!(EventStream::default().push(b"data: {}\r", 100), Ok(vec!["{}".to_owned()]));
    assert_eq!(EventStream::default().push("\u{feff}data: {}\n".as_bytes(), 100), Ok(vec!["{}".to_owned()]));
}

#[test]
fn a_byte_order_mark_may_stand_before_json() {
    let negotiate = "\u{feff}{\"ConnectionToken\":\"t\",\"ProtocolVersion\":\"1.5\"}";
    assert!(NegotiationResponse::read(negotiate.as_bytes()).is_ok());
    assert_eq!(ServerMessage::read("\u{feff}{}"), Ok(ServerMessage::KeepAlive));
    assert!(matches!(ServerMessage::read(" \u{feff}{\"C\":\"1\",\"M\":[]}"), Ok(ServerMessage::Frame(_))));
}

#[test]
fn silence_is_slow_then_lost_then_sleep() {
    let start = Instant::now();
    let seconds = |seconds| start + Duration::from_secs(seconds);
    let mut watch = KeepAliveWatch::new(Some(Duration::from_secs(30)), Duration::from_secs(60), start);
    assert_eq!(watch.deadline(), Some(seconds(20)));
    assert_eq!(watch.check(seconds(19)), Silence::Fine);
    assert_eq!(watch.check(seconds(20)), Silence::Slow);
    assert_eq!(watch.deadline(), Some(seconds(30)));
    assert_eq!(watch.check(seconds(21)), Silence::Fine, "said once");
    assert!(watch.received(seconds(25)));
    assert!(!watch.received(seconds(25)));
    assert_eq!(watch.check(seconds(45)), Silence::Slow);
    assert_eq!(watch.check(seconds(55)), Silence::Lost);
    assert_eq!(watch.check(seconds(85)), Silence::Asleep);
    assert_eq!(watch.check(start), Silence::Fine, "a clock that goes back is no silence");

    let mut without = KeepAliveWatch::new(None, Duration::from_secs(60), start);
    assert_eq!((without.deadline(), without.check(seconds(1000))), (None, Silence::Fine));
}
