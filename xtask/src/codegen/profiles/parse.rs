//! Reads the schema text of Koppeltaal. `schemas/koppeltaal/README.md` describes its form.

use anyhow::{Context as _, Result, bail, ensure};

use super::{
    Binding, Event, Field, Kind, List, ListedCode, PatientPresence, Place, Quirk, Schema, Structure, System,
    absolute,
};
use crate::schema;

/// The definition to which the indented lines that follow belong.
enum Open {
    Nothing,
    Structure,
    List,
}

/// Reads the text of one file into `schema`; the file name is only used in errors.
pub(super) fn parse(text: &str, file_name: &str, schema: &mut Schema) -> Result<()> {
    let mut open = Open::Nothing;
    for (index, line) in text.lines().enumerate() {
        let content = line.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let result = if line.starts_with([' ', '\t']) {
            match open {
                Open::Nothing => Err(anyhow::anyhow!("expected the start of a definition at the margin")),
                Open::Structure => add_field(schema, content),
                Open::List => add_code(schema, content),
            }
        } else {
            definition(schema, content).map(|kind| open = kind)
        };
        result.with_context(|| format!("{file_name}, line {}", index + 1))?;
    }
    Ok(())
}

/// Reads a line at the margin: `keyword Name : what [by hand|without kind|closed] [# note]`.
fn definition(schema: &mut Schema, line: &str) -> Result<Open> {
    let (line, note) = split_note(line);
    let (line, by_hand) = split_mark(line, " by hand");
    let (line, without_kind) = split_mark(line, " without kind");
    let (line, is_closed) = split_mark(line, " closed");
    let (head, what) = line.split_once(" : ").with_context(|| format!("expected ` : ` in `{line}`"))?;
    let (keyword, name) =
        head.split_once(' ').with_context(|| format!("expected a keyword and a name in `{head}`"))?;
    let (name, what) = (name.trim().to_owned(), what.trim());
    match keyword {
        "profile" | "component" => {
            let is_component = keyword == "component";
            ensure!(
                is_component == name.contains('.'),
                "`{name}`: a component is called Profile.Name, a profile Name"
            );
            ensure!(schema.structures.iter().all(|other| other.name != name), "`{name}` is defined twice");
            schema.structures.push(Structure {
                name,
                base: what.to_owned(),
                is_component,
                by_hand,
                without_kind,
                fields: Vec::new(),
            });
            Ok(Open::Structure)
        }
        "codes" => {
            ensure!(schema.lists.iter().all(|other| other.name != name), "`{name}` is defined twice");
            let systems = what.split('|').map(|system| absolute(system.trim())).collect();
            schema.lists.push(List { name, systems, is_closed, codes: Vec::new() });
            Ok(Open::List)
        }
        "event" => {
            ensure!(schema.events.iter().all(|other| other.code != name), "`{name}` is defined twice");
            schema.events.push(event(name, what)?);
            Ok(Open::Nothing)
        }
        "kind" => {
            ensure!(schema.kinds.iter().all(|other| other.name != name), "`{name}` is defined twice");
            schema.kinds.push(kind(name, what, note)?);
            Ok(Open::Nothing)
        }
        "dstu1" | "system" => {
            let dstu1 = (keyword == "dstu1").then_some(name);
            schema.systems.push(System { url: absolute(what), dstu1, note });
            Ok(Open::Nothing)
        }
        other => {
            bail!(
                "unknown kind of definition `{other}`, expected profile, component, codes, dstu1, system, kind or event"
            )
        }
    }
}

/// Reads `Type [at(Segment)]`.
fn kind(name: String, what: &str, note: Option<String>) -> Result<Kind> {
    let (base, segment) = match what.split_once(' ') {
        None => (what, name.as_str()),
        Some((base, word)) => match argument(word.trim())? {
            ("at", segment) => (base, segment),
            _ => bail!("expected at(...), found `{word}`"),
        },
    };
    Ok(Kind { base: base.to_owned(), segment: segment.to_owned(), name, note })
}

/// Reads `name(argument)`.
fn argument(word: &str) -> Result<(&str, &str)> {
    word.strip_suffix(')')
        .and_then(|word| word.split_once('('))
        .with_context(|| format!("expected `name(...)`, found `{word}`"))
}

/// Reads `Profile [focal(Kind|Kind)] [patient(required|referenced)] [with(Kind|Kind)]`.
fn event(code: String, what: &str) -> Result<Event> {
    let mut words = what.split_whitespace();
    let profile = words.next().context("expected the profile of the focal resource")?.to_owned();
    let (focal, patient) = (vec![profile.clone()], PatientPresence::None);
    let mut event = Event { code, focal, profile, patient, with: Vec::new() };
    for word in words {
        let (name, value) = argument(word)?;
        let kinds = || value.split('|').map(str::to_owned).collect();
        match (name, value) {
            ("focal", _) => event.focal = kinds(),
            ("with", _) => event.with = kinds(),
            ("patient", "required") => event.patient = PatientPresence::Required,
            ("patient", "referenced") => event.patient = PatientPresence::Referenced,
            _ => bail!(
                "expected focal(...), patient(required), patient(referenced) or with(...), found `{word}`"
            ),
        }
    }
    Ok(event)
}

/// Reads a line of a profile.
fn add_field(schema: &mut Schema, line: &str) -> Result<()> {
    let structure = schema.structures.last_mut().context("a field before any profile")?;
    let (line, part) = line.strip_prefix('.').map_or((line, false), |rest| (rest, true));
    let field = field(line)?;
    let siblings = if part {
        &mut structure.fields.last_mut().context("a part before any field")?.parts
    } else {
        &mut structure.fields
    };
    ensure!(siblings.iter().all(|other| other.name != field.name), "`{}` is defined twice", field.name);
    siblings.push(field);
    Ok(())
}

/// Reads `name cardinality type [place] [default(value)] [# note]`.
fn field(line: &str) -> Result<Field> {
    let (line, note) = split_note(line);
    let mut words = line.split_whitespace();
    let mut next = |what: &str| words.next().with_context(|| format!("expected {what} in `{line}`"));
    let label = next("a name")?;
    let cardinality = schema::cardinality(next("a cardinality")?)?;
    let type_text = next("a type")?;
    let (name, is_choice) = label.strip_suffix("[x]").map_or((label, false), |name| (name, true));
    let mut field = Field {
        name: name.to_owned(),
        cardinality,
        types: Vec::new(),
        targets: Vec::new(),
        binding: None,
        place: Place::Native(name.to_owned()),
        default: None,
        note,
        parts: Vec::new(),
    };
    read_type(type_text, &mut field).with_context(|| format!("the type of `{label}`"))?;
    for word in words {
        if let Some(value) = word.strip_prefix("default(").and_then(|rest| rest.strip_suffix(')')) {
            field.default = Some(value.to_owned());
        } else {
            field.place = place(word).with_context(|| format!("the place of `{label}`"))?;
        }
    }
    let several = field.types.len() > 1;
    ensure!(
        several == is_choice || field.place == Place::Kept,
        "`{label}`: a choice of types is called `name[x]`"
    );
    Ok(field)
}

/// Reads `Name`, `Name|Name`, `Name(List)`, `Name(List+)`, `Name(List=Code)` or `Resource(Name|Name)`.
fn read_type(text: &str, field: &mut Field) -> Result<()> {
    for alternative in alternatives(text) {
        let (name, inside) = match alternative.split_once('(') {
            None => (alternative, None),
            Some((name, rest)) => (
                name,
                Some(
                    rest.strip_suffix(')')
                        .with_context(|| format!("expected `)` at the end of `{alternative}`"))?,
                ),
            ),
        };
        match (name, inside) {
            ("Resource", Some(targets)) => field.targets = targets.split('|').map(str::to_owned).collect(),
            ("Resource", None) => bail!("a reference says to what: Resource(Patient), Resource(Any)"),
            (_, Some(inside)) => field.binding = Some(binding(inside)),
            (_, None) => {}
        }
        field.types.push(name.to_owned());
    }
    Ok(())
}

/// Splits at bars outside of parentheses.
fn alternatives(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0_usize, 0, Vec::new());
    for (index, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            '|' if depth == 0 => {
                parts.push(&text[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn binding(text: &str) -> Binding {
    let (list, fixed) =
        text.split_once('=').map_or((text, None), |(list, code)| (list, Some(code.to_owned())));
    let (list, open) = list.strip_suffix('+').map_or((list, false), |list| (list, true));
    Binding { list: list.to_owned(), open, fixed }
}

/// Reads `.element`, `Resource#Name`, a whole URL, or `kept`; an extension may have `|value` or `|xhtml`
/// after it.
fn place(word: &str) -> Result<Place> {
    if word == "kept" {
        return Ok(Place::Kept);
    }
    if let Some(element) = word.strip_prefix('.') {
        return Ok(Place::Native(element.to_owned()));
    }
    let (url, quirk) = match word.split_once('|') {
        None => (word, None),
        Some((url, "value")) => (url, Some(Quirk::ParentValue)),
        Some((url, "xhtml")) => (url, Some(Quirk::Xhtml)),
        Some((_, other)) => bail!("expected `|value` or `|xhtml`, found `|{other}`"),
    };
    let name = url.rsplit_once('#').map(|(_, name)| name).unwrap_or_default();
    ensure!(
        !name.is_empty(),
        "expected `.element`, `Resource#Name`, a URL with `#` or `kept`, found `{word}`"
    );
    Ok(Place::Extension { url: absolute(url), quirk })
}

/// Reads `code  [display]  [as Variant]  [# note]`, parts separated by two or more blanks.
fn add_code(schema: &mut Schema, line: &str) -> Result<()> {
    let list = schema.lists.last_mut().context("a code before any list")?;
    let (line, note) = split_note(line);
    let mut parts = line.split("  ").map(str::trim).filter(|part| !part.is_empty());
    let code = parts.next().context("expected a code")?.to_owned();
    let mut listed = ListedCode { display: code.clone(), code, variant: None, note };
    for part in parts {
        match part.strip_prefix("as ") {
            Some(variant) => listed.variant = Some(variant.to_owned()),
            None => listed.display = part.to_owned(),
        }
    }
    ensure!(list.codes.iter().all(|other| other.code != listed.code), "`{}` is defined twice", listed.code);
    list.codes.push(listed);
    Ok(())
}

/// Splits a mark from the end of a line, and says whether it was there.
fn split_mark<'a>(line: &'a str, mark: &str) -> (&'a str, bool) {
    match line.strip_suffix(mark) {
        Some(rest) => (rest.trim_end(), true),
        None => (line, false),
    }
}

/// Splits the note from a line: the text after a `#` between blanks.
pub(in crate::codegen) fn split_note(line: &str) -> (&str, Option<String>) {
    match line.split_once(" # ") {
        Some((rest, note)) => (rest.trim_end(), Some(note.trim().to_owned())),
        None => (line, None),
    }
}
