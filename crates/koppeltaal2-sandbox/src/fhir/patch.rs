//! JSON Patch (RFC 6902) of a resource.

use http::{HeaderMap, StatusCode, header};
use koppeltaal_r4::resources::IssueType;
use koppeltaal_r4::{ReadOptions, Resource};
use serde_json::Value;

use crate::fhir::body;
use crate::fhir::refusal::{Issue, Refusal};

/// The media type of a JSON Patch.
const MEDIA_TYPE: &str = "application/json-patch+json";
/// How many operations a patch has at most, how often it may copy, and how many bytes a copy has, about.
/// Without the last, each copy could double the resource.
const MOST_OPERATIONS: usize = 1_000;
const MOST_COPIES: usize = 10;
const LARGEST_COPY: usize = 1 << 20;

/// The resource as a patch changes it.
///
/// # Errors
///
/// 415 for another kind of patch; 400 for one that is no patch; 422 for one that does not fit the resource,
/// or whose result breaks the structure of R4.
pub(crate) fn apply(current: &Resource, headers: &HeaderMap, patch: &[u8]) -> Result<Resource, Refusal> {
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !content_type.split(';').next().is_some_and(|name| name.trim().eq_ignore_ascii_case(MEDIA_TYPE)) {
        let diagnostics = format!("Content-Type: expected {MEDIA_TYPE}; other patches are not offered");
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, IssueType::NotSupported, diagnostics));
    }
    let operations: Vec<Value> = serde_json::from_slice(patch).map_err(|error| {
        Refusal::bad_request(format!("expected a JSON Patch, an array of operations: {error}"))
    })?;
    let copies = operations.iter().filter(|operation| operation["op"] == "copy").count();
    if operations.len() > MOST_OPERATIONS || copies > MOST_COPIES {
        let diagnostics =
            format!("a patch has at most {MOST_OPERATIONS} operations and {MOST_COPIES} copies");
        return Err(Refusal::new(StatusCode::BAD_REQUEST, IssueType::TooCostly, diagnostics));
    }
    let mut value = document(current)?;
    for (index, operation) in operations.iter().enumerate() {
        operate(&mut value, operation).map_err(|problem| {
            // The problem names members of the patch, not values.
            let issue = Issue::new(IssueType::Processing, format!("operation {index}: {problem}"));
            Refusal::unprocessable(vec![issue])
        })?;
    }
    body::parsed(koppeltaal_r4::Format::Json, value.to_string().as_bytes(), "", current.resource_type())
}

/// The resource as JSON. One with numbers whose digits would be lost is refused.
fn document(current: &Resource) -> Result<Value, Refusal> {
    let failed = |text: &str| Refusal::new(StatusCode::NOT_IMPLEMENTED, IssueType::NotSupported, text);
    let text = current.to_json().map_err(|_| failed("this resource cannot be written as JSON"))?;
    let value: Value =
        serde_json::from_str(&text).map_err(|_| failed("this resource cannot be read as JSON"))?;
    let again = ReadOptions::tolerant().json(value.to_string().as_bytes());
    match again {
        Ok(again) if again.document == *current => Ok(value),
        _ => Err(failed("a patch would change digits of decimals in this resource; PUT it instead")),
    }
}

fn operate(value: &mut Value, operation: &Value) -> Result<(), String> {
    let text = |name: &str| {
        let text = operation.get(name).and_then(Value::as_str);
        text.ok_or_else(|| format!("expected \"{name}\", a text"))
    };
    let argument = || operation.get("value").cloned().ok_or_else(|| "expected \"value\"".to_owned());
    let path = text("path")?;
    match text("op")? {
        "add" => add(value, path, argument()?),
        "remove" => remove(value, path).map(drop),
        "replace" => {
            let wanted = argument()?;
            *value.pointer_mut(path).ok_or_else(|| nothing(path))? = wanted;
            Ok(())
        }
        "test" => {
            let found = value.pointer(path).ok_or_else(|| nothing(path))?;
            if *found == argument()? { Ok(()) } else { Err(format!("{path} has another value")) }
        }
        "copy" => {
            let copied = value.pointer(text("from")?).ok_or_else(|| nothing("from"))?;
            if size(copied) > LARGEST_COPY {
                return Err(format!("a copy has at most {LARGEST_COPY} bytes"));
            }
            let copied = copied.clone();
            add(value, path, copied)
        }
        "move" => {
            let from = text("from")?;
            if path.strip_prefix(from).is_some_and(|rest| rest.starts_with('/')) {
                return Err("a value cannot move into itself".to_owned());
            }
            let moved = remove(value, from)?;
            add(value, path, moved)
        }
        _ => Err("expected \"op\" to be add, remove, replace, move, copy or test".to_owned()),
    }
}

/// The length of a value as text, about.
fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
        Value::String(text) => text.len() + 2,
        Value::Array(items) => 2 + items.iter().map(size).sum::<usize>(),
        Value::Object(members) => {
            2 + members.iter().map(|(name, value)| name.len() + 4 + size(value)).sum::<usize>()
        }
    }
}

fn nothing(path: &str) -> String {
    format!("there is nothing at {path}")
}

/// The parent of what a pointer names, and the last part of the pointer.
fn parent<'a>(value: &'a mut Value, path: &str) -> Result<(&'a mut Value, String), String> {
    let (before, last) = path.rsplit_once('/').ok_or_else(|| "expected a path such as /status".to_owned())?;
    let last = last.replace("~1", "/").replace("~0", "~");
    value.pointer_mut(before).map(|parent| (parent, last)).ok_or_else(|| nothing(before))
}

fn add(value: &mut Value, path: &str, added: Value) -> Result<(), String> {
    match parent(value, path)? {
        (Value::Object(members), name) => {
            members.insert(name, added);
        }
        (Value::Array(items), place) if place == "-" => items.push(added),
        (Value::Array(items), place) => {
            let index = index(&place).filter(|index| *index <= items.len()).ok_or_else(|| nothing(path))?;
            items.insert(index, added);
        }
        _ => return Err(nothing(path)),
    }
    Ok(())
}

/// Removes a value, and returns it.
fn remove(value: &mut Value, path: &str) -> Result<Value, String> {
    let removed = match parent(value, path)? {
        (Value::Object(members), name) => members.remove(&name),
        (Value::Array(items), place) => {
            let index = index(&place).filter(|index| *index < items.len());
            index.map(|index| items.remove(index))
        }
        _ => None,
    };
    removed.ok_or_else(|| nothing(path))
}

/// The index of an item: digits without a zero in front.
fn index(text: &str) -> Option<usize> {
    let is_index = text == "0" || text.starts_with(|first: char| matches!(first, '1'..='9'));
    if is_index { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use serde_json::json;

    use super::*;

    fn patched(patch: &Value) -> Result<Value, String> {
        let task = json!({"resourceType": "Task", "status": "ready", "intent": "plan", "description": "a~/b",
            "identifier": [{"value": "1"}, {"value": "2"}]});
        let task = ReadOptions::strict().json(task.to_string().as_bytes()).expect("a task").document;
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE))]);
        let patched = apply(&task, &headers, patch.to_string().as_bytes());
        patched
            .map(|task| serde_json::from_str(&task.to_json().expect("JSON")).expect("JSON"))
            .map_err(|refusal| format!("{} {}", refusal.status.as_u16(), refusal.summary()))
    }

    #[test]
    fn operations_change_members_and_items_in_turn() {
        let task = patched(&json!([
            {"op": "test", "path": "/status", "value": "ready"},
            {"op": "replace", "path": "/status", "value": "in-progress"},
            {"op": "add", "path": "/identifier/1", "value": {"value": "1b"}},
            {"op": "add", "path": "/identifier/-", "value": {"value": "3"}},
            {"op": "remove", "path": "/identifier/0"},
            {"op": "copy", "from": "/identifier/0", "path": "/groupIdentifier"},
            {"op": "move", "from": "/description", "path": "/note"},
            {"op": "replace", "path": "/note", "value": [{"text": "done"}]},
        ]))
        .expect("it fits");
        assert_eq!(task["status"], "in-progress");
        assert_eq!(task["identifier"], json!([{"value": "1b"}, {"value": "2"}, {"value": "3"}]));
        assert_eq!(task["groupIdentifier"], json!({"value": "1b"}));
        assert_eq!((task.get("description"), &task["note"]), (None, &json!([{"text": "done"}])));
    }

    #[test]
    fn a_patch_that_does_not_fit_says_where() {
        for (patch, problem) in [
            (
                json!([{"op": "test", "path": "/status", "value": "draft"}]),
                "422 operation 0: /status has another value",
            ),
            (json!([{"op": "remove", "path": "/owner"}]), "422 operation 0: there is nothing at /owner"),
            (
                json!([{"op": "remove", "path": "/identifier/01"}]),
                "422 operation 0: there is nothing at /identifier/01",
            ),
            (
                json!([{"op": "add", "path": "/identifier/3", "value": 1}]),
                "422 operation 0: there is nothing at /identifier/3",
            ),
            (json!([{"op": "add", "path": "/status"}]), "422 operation 0: expected \"value\""),
            (json!([{"op": "swap", "path": "/status"}]), "422 operation 0: expected \"op\" to be"),
            (
                json!([{"op": "move", "from": "/identifier", "path": "/identifier/0"}]),
                "422 operation 0: a value cannot",
            ),
            (json!([{"op": "replace", "path": "/status", "value": "x"}]), "422 code-unlisted at status"),
            (json!([{"op": "remove", "path": "/intent"}]), "422 cardinality-min"),
            (json!([{"op": "replace", "path": "", "value": {}}]), "400 "),
            (json!({"op": "remove"}), "400 expected a JSON Patch"),
            (
                Value::Array(vec![json!({"op": "copy", "from": "", "path": "/x"}); 11]),
                "400 a patch has at most",
            ),
        ] {
            let found = patched(&patch).expect_err("it does not fit");
            assert!(found.starts_with(problem), "{patch}: {found}");
        }
    }
}
