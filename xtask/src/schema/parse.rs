//! Reading of the schema text: lines to definitions, with errors that name the file and the line.

use anyhow::{Context as _, Result, bail, ensure};

use super::{
    Binding, Cardinality, Codes, Definition, Field, Primitive, Restriction, Role, Shape, Structure, TypeName,
};

/// Reads the text of one schema file; the file name is only used in errors.
pub(crate) fn parse(text: &str, file_name: &str) -> Result<Vec<Definition>> {
    let mut definitions = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let content = line.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let result = if line.starts_with([' ', '\t']) {
            add_line(definitions.last_mut(), content)
        } else {
            add_definition(&mut definitions, content)
        };
        result.with_context(|| format!("{file_name}, line {}", index + 1))?;
    }
    Ok(definitions)
}

/// Reads a line at the margin, which starts a definition.
fn add_definition(definitions: &mut Vec<Definition>, line: &str) -> Result<()> {
    let (keyword, rest) = line.split_once(' ').unwrap_or((line, ""));
    let (name, base) = match rest.split_once(" : ") {
        Some((name, base)) => (name.trim(), Some(base.trim())),
        None => (rest.trim(), None),
    };
    check_name(name)?;
    let definition = match keyword {
        "abstract" => structure(Role::Abstract, name, base)?,
        "resource" => structure(Role::Resource, name, base)?,
        "component" => structure(Role::Component, name, base)?,
        "type" => structure(Role::Type, name, base)?,
        "binary" => structure(Role::Binary, name, base)?,
        "restriction" => {
            let base = base.with_context(|| format!("restriction {name}: expected ` : ` and a base type"))?;
            check_name(base)?;
            Definition::Restriction(Restriction { name: name.to_owned(), base: base.to_owned() })
        }
        "primitive" => primitive(name, base)?,
        "codes" => {
            ensure!(base.is_none(), "codes {name}: a list of codes has no base");
            Definition::Codes(Codes { name: name.to_owned(), literals: Vec::new() })
        }
        other => bail!(
            "unknown kind of definition `{other}`, expected abstract, resource, component, type, binary, \
             restriction, primitive or codes"
        ),
    };
    ensure!(definitions.iter().all(|earlier| earlier.name() != name), "`{name}` is defined twice");
    definitions.push(definition);
    Ok(())
}

/// Reads an indented line, which belongs to the definition before it.
fn add_line(definition: Option<&mut Definition>, line: &str) -> Result<()> {
    match definition {
        Some(Definition::Structure(structure)) => {
            let field = field(line)?;
            ensure!(
                structure.fields.iter().all(|earlier| earlier.name != field.name),
                "`{}` has two fields of the name `{}`",
                structure.name,
                field.name
            );
            structure.fields.push(field);
        }
        Some(Definition::Codes(codes)) => {
            ensure!(
                codes.literals.iter().all(|earlier| earlier != line),
                "codes {}: `{line}` is defined twice",
                codes.name
            );
            codes.literals.push(line.to_owned());
        }
        Some(other) => bail!("`{}` takes no indented lines, found `{line}`", other.name()),
        None => bail!("expected the start of a definition at the margin, found the indented line `{line}`"),
    }
    Ok(())
}

fn structure(role: Role, name: &str, base: Option<&str>) -> Result<Definition> {
    match role {
        Role::Abstract => {}
        Role::Binary => ensure!(base.is_none(), "binary {name}: expected no base"),
        Role::Resource | Role::Component | Role::Type => {
            ensure!(base.is_some(), "{} {name}: expected ` : ` and a base", role.keyword());
        }
    }
    if let Some(base) = base {
        check_name(base)?;
    }
    Ok(Definition::Structure(Structure {
        role,
        name: name.to_owned(),
        base: base.map(str::to_owned),
        fields: Vec::new(),
    }))
}

/// Reads what follows the colon of a primitive: bases, then `/pattern/`, then `minLength=`, both optional.
fn primitive(name: &str, facts: Option<&str>) -> Result<Definition> {
    let facts = facts.with_context(|| format!("primitive {name}: expected ` : ` and a base type"))?;
    // The pattern may itself hold blanks, `|` and `/`: it runs from the first slash to the last.
    let (bases, pattern, rest) = match (facts.find('/'), facts.rfind('/')) {
        (Some(first), Some(last)) => {
            ensure!(first + 1 < last, "primitive {name}: expected a pattern between two slashes");
            (&facts[..first], Some(&facts[first + 1..last]), &facts[last + 1..])
        }
        _ => match facts.find(" minLength=") {
            Some(start) => (&facts[..start], None, &facts[start..]),
            None => (facts, None, ""),
        },
    };
    let min_length = match rest.trim() {
        "" => None,
        fact => {
            let length = fact.strip_prefix("minLength=").and_then(|number| number.parse().ok());
            Some(length.with_context(|| {
                format!("primitive {name}: expected `minLength=` and a number, found `{fact}`")
            })?)
        }
    };
    let bases: Vec<String> = bases.split('|').map(|base| base.trim().to_owned()).collect();
    for base in &bases {
        let plain = base
            .strip_prefix("xs:")
            .with_context(|| format!("primitive {name}: expected a type with `xs:`, found `{base}`"))?;
        check_name(plain)?;
    }
    Ok(Definition::Primitive(Primitive {
        name: name.to_owned(),
        bases,
        pattern: pattern.map(str::to_owned),
        min_length,
    }))
}

/// Reads `name  cardinality  type | type`.
fn field(line: &str) -> Result<Field> {
    let (label, rest) = line
        .split_once(char::is_whitespace)
        .with_context(|| format!("expected a name, a cardinality and a type, found `{line}`"))?;
    let (bounds, types) = rest
        .trim_start()
        .split_once(char::is_whitespace)
        .with_context(|| format!("`{label}`: expected a cardinality and a type, found `{}`", rest.trim()))?;
    let cardinality = cardinality(bounds).with_context(|| format!("`{label}`"))?;
    let (types, binding) = match types.split_once(" ~") {
        None => (types, None),
        Some((types, binding)) => {
            let (strength, value_set) = binding.split_once(' ').with_context(|| {
                format!("`{label}`: expected a strength and a value set, found `{binding}`")
            })?;
            (types, Some(Binding { strength: strength.to_owned(), value_set: value_set.to_owned() }))
        }
    };
    let (types, targets) = types.split_once(" -> ").unwrap_or((types, ""));
    let targets: Vec<String> =
        targets.split(" | ").filter(|target| !target.is_empty()).map(str::to_owned).collect();
    targets.iter().try_for_each(|target| check_name(target))?;
    let types = types.split('|').map(|text| type_name(text.trim())).collect::<Result<Vec<_>>>();
    let mut types = types.with_context(|| format!("`{label}`"))?;
    let (name, shape) = if let Some(prefix) = label.strip_suffix("[x]") {
        ensure!(types.len() > 1, "`{label}`: a choice needs at least two types");
        (prefix, Shape::Choice(types))
    } else {
        let count = types.len();
        let single = types.pop().filter(|_| count == 1);
        let single =
            single.with_context(|| format!("`{label}`: only a choice, `name[x]`, has several types"))?;
        match label.strip_prefix('@') {
            Some(name) => (name, Shape::Attribute(single)),
            None => (label, Shape::Element(single)),
        }
    };
    check_name(name)?;
    ensure!(
        !cardinality.repeats || matches!(shape, Shape::Element(_)),
        "`{label}`: an attribute or a choice cannot repeat, found {bounds}"
    );
    Ok(Field { name: name.to_owned(), cardinality, shape, targets, binding })
}

/// Reads a cardinality.
pub(crate) fn cardinality(text: &str) -> Result<Cardinality> {
    let (required, repeats) = match text {
        "0..1" => (false, false),
        "1..1" => (true, false),
        "0..*" => (false, true),
        "1..*" => (true, true),
        other => bail!("expected 0..1, 1..1, 0..* or 1..*, found `{other}`"),
    };
    Ok(Cardinality { required, repeats })
}

fn type_name(text: &str) -> Result<TypeName> {
    let list = text.strip_prefix("code(").and_then(|rest| rest.strip_suffix(')'));
    check_name(list.unwrap_or(text))?;
    Ok(list.map_or_else(|| TypeName::Plain(text.to_owned()), |list| TypeName::Code(list.to_owned())))
}

/// Names are letters and digits, with dots between the parts of a component's name.
fn check_name(name: &str) -> Result<()> {
    let well_formed = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric());
    ensure!(name.split('.').all(well_formed), "expected a name of letters, digits and dots, found `{name}`");
    Ok(())
}
