//! [`Ini`]: reads configuration files exactly as Python's `ConfigParser` does, or refuses them. A password
//! that is misread would be sent to a server.
//!
//! It follows `CPython`'s `configparser` with default settings; a test compares the two. There are two
//! differences: a byte order mark is skipped, and a value that references make very long is refused.

use std::collections::BTreeMap;

/// The section with defaults for options that other sections lack.
const DEFAULT: &str = "DEFAULT";

/// How deep references may be nested (`MAX_INTERPOLATION_DEPTH`).
const DEPTH: usize = 10;

/// How long references may make a value. Without a bound, ten levels of them turn a few lines into gigabytes.
const LENGTH: usize = 64 << 10;

type Options = BTreeMap<String, String>;

/// A configuration file.
pub(crate) struct Ini {
    sections: BTreeMap<String, Options>,
    defaults: Options,
}

/// Why a file or a value cannot be read. Quotes nothing, since any line may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum IniError {
    #[error("expected a [section] first")]
    NoSection(usize),
    #[error("expected NAME = VALUE or a [section]")]
    NoOption(usize),
    #[error("this section is there twice")]
    SectionTwice(usize),
    #[error("this name is there twice in its section")]
    OptionTwice(usize),
    #[error("a percent sign has to be followed by another one, or by (NAME)s")]
    Percent,
    #[error("it refers to a name, as %(NAME)s, that is not there; a percent sign is written %%")]
    Reference,
    #[error("its references go in circles, or are nested too deeply")]
    Depth,
    #[error("its references make it longer than {LENGTH} bytes")]
    Length,
}

impl IniError {
    /// The number of the line, if it is about a line and not about a value.
    pub(crate) fn line(self) -> Option<usize> {
        match self {
            Self::NoSection(line)
            | Self::NoOption(line)
            | Self::SectionTwice(line)
            | Self::OptionTwice(line) => Some(line),
            Self::Percent | Self::Reference | Self::Depth | Self::Length => None,
        }
    }
}

impl Ini {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`IniError`] with the number of a line.
    pub(crate) fn parse(text: &str) -> Result<Self, IniError> {
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        let mut ini = Self { sections: BTreeMap::new(), defaults: Options::new() };
        // The options of the current section, the name of the current option, and how far that was indented.
        let mut section: Option<&mut Options> = None;
        let mut option: Option<String> = None;
        let mut indent = 0;
        // As in Python's universal newlines, a carriage return ends a line, with or without a line feed.
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        for (number, line) in (1..).zip(text.split('\n')) {
            let value = line.trim_matches(is_space);
            if value.starts_with(['#', ';']) {
                continue;
            }
            let open = section.as_deref_mut().zip(option.as_ref());
            let open = open.and_then(|(options, option)| options.get_mut(option));
            if value.is_empty() {
                // Blank lines belong to a value that continues after them. At its end they are cut off.
                if let Some(open) = open {
                    open.push('\n');
                }
                continue;
            }
            let line_indent = line.chars().take_while(|c| is_space(*c)).count();
            if let Some(open) = open.filter(|_| line_indent > indent) {
                open.push('\n');
                open.push_str(value);
                continue;
            }
            indent = line_indent;
            if let Some(name) = section_name(value) {
                option = None;
                section = Some(if name == DEFAULT {
                    &mut ini.defaults
                } else if ini.sections.contains_key(name) {
                    return Err(IniError::SectionTwice(number));
                } else {
                    ini.sections.entry(name.to_owned()).or_default()
                });
                continue;
            }
            let options = section.as_deref_mut().ok_or(IniError::NoSection(number))?;
            let (name, value) = value.split_once(['=', ':']).ok_or(IniError::NoOption(number))?;
            let name = name.trim_end_matches(is_space).to_lowercase();
            if name.is_empty() {
                return Err(IniError::NoOption(number));
            }
            if options.insert(name.clone(), value.trim_matches(is_space).to_owned()).is_some() {
                return Err(IniError::OptionTwice(number));
            }
            option = Some(name);
        }
        for value in ini.sections.values_mut().chain([&mut ini.defaults]).flat_map(BTreeMap::values_mut) {
            value.truncate(value.trim_end_matches(is_space).len());
        }
        Ok(ini)
    }

    /// Whether there is a section of this name. `DEFAULT` does not count.
    pub(crate) fn has_section(&self, section: &str) -> bool {
        self.sections.contains_key(section)
    }

    /// The value of an option, with its references replaced; from `DEFAULT`, if the section does not have it.
    ///
    /// # Errors
    ///
    /// [`IniError`] for a percent sign or a reference that cannot be replaced.
    pub(crate) fn get(&self, section: &str, option: &str) -> Result<Option<String>, IniError> {
        let Some(value) = self.raw(section, &option.to_lowercase()) else { return Ok(None) };
        let mut whole = String::new();
        self.interpolate(section, value, 1, &mut whole)?;
        Ok(Some(whole))
    }

    fn raw(&self, section: &str, option: &str) -> Option<&str> {
        let options = self.sections.get(section)?;
        options.get(option).or_else(|| self.defaults.get(option)).map(String::as_str)
    }

    fn interpolate(
        &self,
        section: &str,
        value: &str,
        depth: usize,
        whole: &mut String,
    ) -> Result<(), IniError> {
        if depth > DEPTH {
            return Err(IniError::Depth);
        }
        let mut rest = value;
        while let Some((before, behind)) = rest.split_once('%') {
            push(whole, before)?;
            if let Some(behind) = behind.strip_prefix('%') {
                push(whole, "%")?;
                rest = behind;
                continue;
            }
            let reference = behind.strip_prefix('(').and_then(|behind| behind.split_once(')'));
            let reference = reference.filter(|(name, _)| !name.is_empty());
            let (name, behind) = reference.ok_or(IniError::Percent)?;
            rest = behind.strip_prefix('s').ok_or(IniError::Percent)?;
            let value = self.raw(section, &name.to_lowercase()).ok_or(IniError::Reference)?;
            if value.contains('%') {
                self.interpolate(section, value, depth + 1, whole)?;
            } else {
                push(whole, value)?;
            }
        }
        push(whole, rest)
    }
}

fn push(whole: &mut String, text: &str) -> Result<(), IniError> {
    if whole.len() + text.len() > LENGTH {
        return Err(IniError::Length);
    }
    whole.push_str(text);
    Ok(())
}

/// The text between the bracket that begins the line and the last closing bracket.
fn section_name(line: &str) -> Option<&str> {
    let (name, _) = line.strip_prefix('[')?.rsplit_once(']')?;
    Some(name).filter(|name| !name.is_empty())
}

/// What Python's `str.isspace` calls white space: Unicode's, and four old separators.
fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\x1C'..='\x1F').contains(&c)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use proptest::prelude::*;
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;
    use serde_json::{Value, json};

    use super::*;

    fn get(text: &str, option: &str) -> Result<Option<String>, IniError> {
        Ini::parse(text)?.get("test", option)
    }

    /// Files, and the value of `password` in section `test`.
    const FILES: &[(&str, Result<Option<&str>, IniError>)] = &[
        ("[test]\npassword = x", Ok(Some("x"))),
        ("[test]\nPassword: x", Ok(Some("x"))),
        ("[test]\r\nPASSWORD=x\r\n", Ok(Some("x"))),
        ("\u{FEFF}[test]\npassword = x", Ok(Some("x"))),
        ("[DEFAULT]\npassword = x\n[test]\n", Ok(Some("x"))),
        ("[DEFAULT]\npassword = x\n[test]\npassword = y", Ok(Some("y"))),
        ("[test]\ndomain = Zonnedauw\npassword = a%(domain)s%%b", Ok(Some("aZonnedauw%b"))),
        ("[test]\npassword = %(Domain)s\n[DEFAULT]\nDOMAIN = d", Ok(Some("d"))),
        ("[test]\npassword = one\n  two\n\n  three\n\n[other]", Ok(Some("one\ntwo\n\nthree"))),
        ("[test]\npassword = x # y ; z", Ok(Some("x # y ; z"))),
        ("[test]\n  password = x\n  domain = y", Ok(Some("x"))),
        ("[test]\n  password = x\n   domain = y", Ok(Some("x\ndomain = y"))),
        ("[test]\npassword =\n  x\n# comment\n  y", Ok(Some("\nx\ny"))),
        ("[test] and more\npassword = [x]", Ok(Some("[x]"))),
        ("[test]\npassword = a=b:c", Ok(Some("a=b:c"))),
        ("[Test]\npassword = x", Ok(None)),
        ("[test]\nuser = x", Ok(None)),
        ("password = x\n[test]", Err(IniError::NoSection(1))),
        ("[test]\n\npassword\n", Err(IniError::NoOption(3))),
        ("[test]\n = x", Err(IniError::NoOption(2))),
        ("[test]\npassword = x\nPASSWORD = y", Err(IniError::OptionTwice(3))),
        ("[test]\npassword = x\n[test]", Err(IniError::SectionTwice(3))),
        ("[test]\npassword = 100%", Err(IniError::Percent)),
        ("[test]\npassword = 100%x", Err(IniError::Percent)),
        ("[test]\npassword = %(domain)", Err(IniError::Percent)),
        ("[test]\npassword = %()s", Err(IniError::Percent)),
        ("[test]\npassword = %(domain)s", Err(IniError::Reference)),
        ("[test]\npassword = %(password)s", Err(IniError::Depth)),
    ];

    #[test]
    fn a_file_is_read_as_python_reads_it_or_refused() {
        for (text, expected) in FILES {
            let expected = expected.map(|value| value.map(str::to_owned));
            assert_eq!(get(text, "password"), expected, "{text:?}");
        }
    }

    #[test]
    fn references_do_not_multiply_a_file_without_end() {
        let levels = (1..9).map(|level| format!("k{level} = {}\n", format!("%(k{})s", level - 1).repeat(50)));
        let text = format!("[test]\nk0 = x%%\n{}password = %(k8)s", levels.collect::<String>());
        assert_eq!(get(&text, "password"), Err(IniError::Length));
    }

    #[test]
    fn errors_quote_nothing() {
        for error in
            [get("[test]\nGeheim1", "password"), get("[test]\npassword = Geheim1%(Geheim2)s", "password")]
        {
            let error = error.expect_err("a refusal");
            assert!(!format!("{error} {error:?}").contains("Geheim"), "{error}");
        }
    }

    /// Files of lines and pieces that matter.
    fn file() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "[test]",
            "[DEFAULT]",
            "[other]",
            "[",
            "]",
            "password",
            "PassWord",
            "user",
            "=",
            ":",
            " ",
            "  ",
            "\t",
            "#",
            ";",
            "%",
            "%%",
            "%(user)s",
            "%(USER)s",
            "%(password)s",
            "(",
            ")s",
            "x",
            "É",
            "\u{A0}",
            "\u{85}",
            "\x1C",
            "\u{3000}",
            "\\",
        ]);
        let line = prop_oneof![
            3 => prop::sample::select(vec!["[test]", "[DEFAULT]", "[other]", "", " ", "# c", " ; c"]).prop_map(str::to_owned),
            3 => ("[ \t]{0,2}", prop::sample::select(vec!["password", "USER", "user", "a"]), " ?[=:] ?", "(x|%%|%\\(user\\)s|%\\(a\\)s| |#){0,3}")
                .prop_map(|(indent, name, sign, value)| [indent.as_str(), name, &sign, &value].concat()),
            2 => prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat()),
        ];
        let end = prop::sample::select(vec!["\n", "\n", "\r\n", "\r"]);
        let lines = prop::collection::vec((line, end), 0..9);
        (any::<bool>(), lines).prop_map(|(header, lines)| {
            let lines = lines.into_iter().map(|(line, end)| line + end).collect::<String>();
            if header { "[test]\n".to_owned() + &lines } else { lines }
        })
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in any::<String>(), file in file()) {
            for text in [text, file] {
                let _ = get(&text, "password");
            }
        }
    }

    /// What Python makes of files: `null` where it refuses the file, else a value, an error (`false`) or
    /// `null` per option.
    const PYTHON: &str = r#"
import configparser, io, json, sys
def read(text):
    parser = configparser.ConfigParser()
    try:
        parser.read_file(io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8"))
    except configparser.Error:
        return None
    def get(section, option):
        try:
            return parser.get(section, option)
        except (configparser.NoSectionError, configparser.NoOptionError):
            return None
        except configparser.Error:
            return False
    return [[get(s, o) for o in ("password", "user", "a")] for s in ("test", "other", "none")]
json.dump([read(text) for text in json.load(io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8"))], sys.stdout)
"#;

    #[test]
    fn python_reads_the_same() {
        let mut runner = TestRunner::deterministic();
        let mut files: Vec<String> =
            FILES.iter().map(|(text, _)| text.trim_start_matches('\u{FEFF}').to_owned()).collect();
        files.extend((0..3000).map(|_| file().new_tree(&mut runner).expect("a file").current()));
        let mut python = Command::new("python3");
        python.args(["-c", PYTHON]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let Ok(mut python) = python.spawn() else {
            eprintln!("skipped: there is no python3 to compare with");
            return;
        };
        let input = serde_json::to_vec(&files).expect("JSON");
        python.stdin.take().expect("piped").write_all(&input).expect("it reads");
        let output = python.wait_with_output().expect("it ends");
        assert!(output.status.success());
        let theirs: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
        for (text, theirs) in files.iter().zip(theirs) {
            let ours = Ini::parse(text).map_or(Value::Null, |ini| {
                let get = |section: &str, option: &str| match ini.get(section, option) {
                    Ok(value) => json!(value),
                    Err(_) => json!(false),
                };
                let all = |section| ["password", "user", "a"].map(|option| get(section, option));
                json!(["test", "other", "none"].map(all))
            });
            assert_eq!(ours, theirs, "{text:?}");
        }
    }
}
