//! Reads the schema text of Koppeltaal 2.0. `schemas/koppeltaal2/README.md` describes its form.

use anyhow::{Context as _, Result, bail, ensure};

use super::{Binding, Code, Element, Extension, Fixed, List, Place, Profile, Schema, Url};
use crate::codegen::profiles::parse::split_note;
use crate::schema;

/// The definition to which the indented lines that follow belong.
enum Open {
    Nothing,
    Profile,
    /// With the system of the codes that follow.
    List(String),
}

/// Reads the text of one file into `schema`; the file name is only used in errors.
pub(super) fn parse(text: &str, file_name: &str, schema: &mut Schema) -> Result<()> {
    let mut open = Open::Nothing;
    for (index, line) in text.lines().enumerate() {
        let content = line.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let result = if line.starts_with(' ') {
            match &mut open {
                Open::Nothing => Err(anyhow::anyhow!("expected the start of a definition at the margin")),
                Open::Profile => add_line(schema, content),
                Open::List(system) => add_code(schema, system, content),
            }
        } else {
            definition(schema, content).map(|kind| open = kind)
        };
        result.with_context(|| format!("{file_name}, line {}", index + 1))?;
    }
    Ok(())
}

/// Reads a line at the margin: `keyword name : what [: type] [# note]`.
fn definition(schema: &mut Schema, line: &str) -> Result<Open> {
    let (line, note) = split_note(line);
    let mut parts = line.split(" : ").map(str::trim);
    let (head, what) =
        parts.next().zip(parts.next()).with_context(|| format!("expected ` : ` in `{line}`"))?;
    let (keyword, name) =
        head.split_once(' ').with_context(|| format!("expected a keyword and a name in `{head}`"))?;
    let name = name.trim().to_owned();
    match keyword {
        "profile" => {
            ensure!(schema.profiles.iter().all(|other| other.name != name), "`{name}` is defined twice");
            schema.profiles.push(Profile {
                name,
                url: what.to_owned(),
                note,
                elements: Vec::new(),
                forbidden: Vec::new(),
                forbidden_extensions: Vec::new(),
            });
            return Ok(Open::Profile);
        }
        "codes" => {
            ensure!(schema.lists.iter().all(|other| other.name != name), "`{name}` is defined twice");
            schema.lists.push(List { name, url: what.to_owned(), codes: Vec::new() });
            return Ok(Open::List(String::new()));
        }
        "extension" => {
            ensure!(schema.extensions.iter().all(|other| other.name != name), "`{name}` is defined twice");
            let value = parts.next().context("expected ` : ` and the type of the value")?;
            let (value, targets) = value
                .split_once('(')
                .map_or((value, None), |(value, targets)| (value, Some(targets.trim_end_matches(')'))));
            schema.extensions.push(Extension {
                name,
                urls: what.split(" | ").map(str::to_owned).collect(),
                value: value.to_owned(),
                targets: targets.iter().flat_map(|targets| targets.split('|')).map(str::to_owned).collect(),
                note,
            });
        }
        "url" => schema.urls.push(Url { name, url: what.to_owned(), note }),
        "system" => schema.systems.push(Url { name, url: what.to_owned(), note }),
        "naming" => schema.namings.push(Url { name, url: what.to_owned(), note }),
        other => bail!(
            "unknown kind of definition `{other}`, expected profile, extension, url, codes, system or naming"
        ),
    }
    Ok(Open::Nothing)
}

/// Reads a line of a profile: `name cardinality [marks] [# note]`, `.part cardinality [marks]`, or `0..0` and
/// the names of elements that must not occur.
fn add_line(schema: &mut Schema, line: &str) -> Result<()> {
    let profile = schema.profiles.last_mut().context("an element before any profile")?;
    if let Some(names) = line.strip_prefix("0..0 ") {
        for name in names.split_whitespace() {
            match argument(name, "extension") {
                Some(extension) => profile.forbidden_extensions.push(extension.to_owned()),
                None => profile.forbidden.push(name.to_owned()),
            }
        }
        return Ok(());
    }
    let (line, is_part) = line.strip_prefix('.').map_or((line, false), |rest| (rest, true));
    let element = element(line)?;
    let siblings = if is_part {
        &mut profile.elements.last_mut().context("a part before any element")?.parts
    } else {
        &mut profile.elements
    };
    ensure!(siblings.iter().all(|other| other.name != element.name), "`{}` is defined twice", element.name);
    siblings.push(element);
    Ok(())
}

fn element(line: &str) -> Result<Element> {
    let (line, note) = split_note(line);
    let mut words = line.split_whitespace();
    let (name, cardinality) = words
        .next()
        .zip(words.next())
        .with_context(|| format!("expected a name and a cardinality in `{line}`"))?;
    let cardinality = (cardinality != "0..0").then(|| schema::cardinality(cardinality)).transpose()?;
    let mut element = Element {
        name: name.to_owned(),
        cardinality,
        place: Place::Native,
        targets: Vec::new(),
        fixed: None,
        codes: Vec::new(),
        note,
        parts: Vec::new(),
    };
    for word in words {
        if let Some(targets) = argument(word, "to") {
            element.targets = targets.split('|').map(str::to_owned).collect();
        } else if let Some(lists) = argument(word, "codes") {
            let lists = lists.split('|').map(|list| (list.trim_end_matches('+'), list.ends_with('+')));
            element.codes = lists.map(|(list, is_open)| Binding { list: list.to_owned(), is_open }).collect();
        } else if let Some(value) = argument(word, "is") {
            element.fixed = Some(match value.split_once('#') {
                Some((system, code)) => Fixed::Code { system: system.to_owned(), code: code.to_owned() },
                None => Fixed::Text(value.to_owned()),
            });
        } else {
            element.place = match (word, element.place) {
                ("extension", Place::Native) => Place::Extension { first: false },
                ("first", Place::Extension { .. }) => Place::Extension { first: true },
                _ => bail!("expected extension, first, to(...), codes(...) or is(...), found `{word}`"),
            };
        }
    }
    Ok(element)
}

/// The argument of `name(argument)`.
fn argument<'a>(word: &'a str, name: &str) -> Option<&'a str> {
    word.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')')
}

/// Reads `in System` or `code  [display]  [as Variant]  [# note]`, parts separated by two or more blanks.
fn add_code(schema: &mut Schema, system: &mut String, line: &str) -> Result<()> {
    if let Some(name) = line.strip_prefix("in ") {
        name.trim().clone_into(system);
        return Ok(());
    }
    ensure!(!system.is_empty(), "expected `in System` before the first code");
    let list = schema.lists.last_mut().context("a code before any list")?;
    let (line, note) = split_note(line);
    let mut parts = line.split("  ").map(str::trim).filter(|part| !part.is_empty());
    let code = parts.next().context("expected a code")?.to_owned();
    let mut listed = Code { system: system.clone(), display: code.clone(), code, variant: None, note };
    for part in parts {
        match part.strip_prefix("as ") {
            Some(variant) => listed.variant = Some(variant.to_owned()),
            None => part.clone_into(&mut listed.display),
        }
    }
    ensure!(list.codes.iter().all(|other| other.code != listed.code), "`{}` is defined twice", listed.code);
    list.codes.push(listed);
    Ok(())
}
