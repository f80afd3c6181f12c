//! The imports of a file, read from its tokens, and the files that they lead to.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A path from the root of the crate, as names. The last name may be an item's.
type Names = Vec<String>;

/// The most `use` declarations that a name is followed through.
const HOPS: usize = 8;

/// The paths in a file.
#[derive(Debug, Default)]
pub(super) struct Imports {
    /// All of them.
    paths: Vec<Names>,
    /// The paths of its `use` declarations, by the name that each brings into the module.
    names: BTreeMap<String, Names>,
    /// The modules that only tests have. They may be files of their own.
    tests: BTreeSet<Names>,
}

impl Imports {
    /// Reads the text of a module.
    pub(super) fn parse(text: &str, module: &[String]) -> Result<Self> {
        let tokens: TokenStream = text.parse().map_err(|error| anyhow::anyhow!("not Rust: {error}"))?;
        let mut imports = Self::default();
        imports.scan(tokens, module);
        Ok(imports)
    }

    /// Adds the imports of another file that counts as part of this one.
    pub(super) fn add(&mut self, other: Self) {
        self.paths.extend(other.paths);
        self.names.extend(other.names);
        self.tests.extend(other.tests);
    }

    /// The modules that the file declares for tests only.
    pub(super) fn tests(&self) -> impl Iterator<Item = &Names> {
        self.tests.iter()
    }

    fn scan(&mut self, tokens: TokenStream, module: &[String]) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let (mut at, mut in_use) = (0, false);
        while at < tokens.len() {
            let next = at + 1;
            match &tokens[at] {
                TokenTree::Punct(hash) if hash.as_char() == '#' => {
                    if is_for_tests(tokens.get(next)) {
                        let item = &tokens[next + 1..];
                        let item = &item[..item_length(item)];
                        self.tests.extend(declared_module(item).map(|name| [module, &[name]].concat()));
                        at = next + 1 + item.len();
                        continue;
                    }
                    let is_inner =
                        matches!(tokens.get(next), Some(TokenTree::Punct(p)) if p.as_char() == '!');
                    if is_inner && is_for_tests(tokens.get(next + 1)) {
                        self.tests.insert(module.to_vec());
                        return;
                    }
                }
                TokenTree::Punct(end) if end.as_char() == ';' => in_use = false,
                TokenTree::Ident(word) if *word == "use" => in_use = true,
                TokenTree::Ident(word) if *word == "mod" => {
                    if let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(content))) =
                        (tokens.get(next), tokens.get(next + 1))
                    {
                        self.scan(content.stream(), &[module, &[name.to_string()]].concat());
                        at += 3;
                        continue;
                    }
                }
                TokenTree::Ident(word) if is_path_start(&tokens, at) => {
                    let base = match word.to_string().as_str() {
                        "crate" => Some(Vec::new()),
                        "super" => Some(module[..module.len().saturating_sub(1)].to_vec()),
                        "self" => Some(module.to_vec()),
                        // In a `use`, any other name may be a module below this one or another crate.
                        other => in_use.then(|| [module, &[other.to_owned()]].concat()),
                    };
                    if let Some(base) = base {
                        at = self.path(&tokens, next, base, in_use);
                        continue;
                    }
                }
                TokenTree::Group(group) => self.scan(group.stream(), module),
                _ => {}
            }
            at = next;
        }
    }

    /// Reads the rest of a path that starts with `names`. Returns the place after the path.
    fn path(&mut self, tokens: &[TokenTree], mut at: usize, mut names: Names, in_use: bool) -> usize {
        while is_separator(tokens, at) {
            match tokens.get(at + 2) {
                Some(TokenTree::Ident(name)) if *name == "super" => drop(names.pop()),
                Some(TokenTree::Ident(name)) if *name == "self" => {}
                Some(TokenTree::Ident(name)) => names.push(name.to_string()),
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                    let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                    for part in inner.split(is_comma) {
                        let mut names = names.clone();
                        match part.first() {
                            Some(TokenTree::Ident(first)) if *first != "self" => {
                                names.push(first.to_string());
                            }
                            Some(TokenTree::Ident(_)) => {}
                            _ => continue,
                        }
                        self.path(part, 1, names, in_use);
                    }
                    return at + 3;
                }
                _ => break,
            }
            at += 3;
        }
        let mut name = names.last().cloned();
        if let (Some(TokenTree::Ident(word)), Some(TokenTree::Ident(other))) =
            (tokens.get(at), tokens.get(at + 1))
            && *word == "as"
        {
            name = Some(other.to_string());
        }
        if let Some(name) = name.filter(|_| in_use) {
            self.names.insert(name, names.clone());
        }
        self.paths.push(names);
        at
    }
}

/// Whether an attribute is `#[cfg(..)]` with a condition that is true for tests only.
fn is_for_tests(attribute: Option<&TokenTree>) -> bool {
    let Some(TokenTree::Group(attribute)) = attribute else { return false };
    let tokens: Vec<TokenTree> = attribute.stream().into_iter().collect();
    match tokens.as_slice() {
        [TokenTree::Ident(word), TokenTree::Group(condition)] if *word == "cfg" => {
            needs_tests(&condition.stream().into_iter().collect::<Vec<_>>())
        }
        _ => false,
    }
}

/// Whether a condition of `cfg` is true for tests only.
fn needs_tests(condition: &[TokenTree]) -> bool {
    match condition {
        [TokenTree::Ident(word)] => *word == "test" || *word == "doctest",
        [TokenTree::Ident(word), TokenTree::Group(inner)] => {
            let inner: Vec<TokenTree> = inner.stream().into_iter().collect();
            let mut parts = inner.split(is_comma).filter(|part| !part.is_empty());
            match word.to_string().as_str() {
                "all" => parts.any(needs_tests),
                "any" => parts.all(needs_tests),
                _ => false,
            }
        }
        _ => false,
    }
}

/// The number of tokens of the item at the start, up to a semicolon or a body in braces. Anything that is not
/// an item, such as a field, may also end with a comma.
fn item_length(tokens: &[TokenTree]) -> usize {
    const ITEMS: [&str; 15] = [
        "async",
        "const",
        "enum",
        "extern",
        "fn",
        "impl",
        "macro_rules",
        "mod",
        "static",
        "struct",
        "trait",
        "type",
        "union",
        "unsafe",
        "use",
    ];
    let mut words = tokens.iter().filter_map(|token| match token {
        TokenTree::Ident(word) if *word != "pub" => Some(word.to_string()),
        _ => None,
    });
    let is_item = words.next().is_some_and(|word| ITEMS.contains(&word.as_str()));
    let is_end = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(end) => end.as_char() == ';' || end.as_char() == ',' && !is_item,
        _ => false,
    };
    tokens.iter().position(is_end).map_or(tokens.len(), |end| end + 1)
}

/// The name of the module that an item declares without its content: `mod name;`.
fn declared_module(item: &[TokenTree]) -> Option<String> {
    match item {
        [.., TokenTree::Ident(word), TokenTree::Ident(name), TokenTree::Punct(_)] if *word == "mod" => {
            Some(name.to_string())
        }
        _ => None,
    }
}

/// Whether a path of several names starts here, and does not go on from before.
fn is_path_start(tokens: &[TokenTree], at: usize) -> bool {
    is_separator(tokens, at + 1) && !(at >= 2 && is_separator(tokens, at - 2))
}

fn is_comma(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(p) if p.as_char() == ',')
}

/// Whether `::` is here.
fn is_separator(tokens: &[TokenTree], at: usize) -> bool {
    let is_colon = |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(p)) if p.as_char() == ':');
    is_colon(at) && is_colon(at + 1)
}

/// The other files that the paths of a module lead to. There are no arrows between a module and its parts.
pub(super) fn arrows<'f>(module: &Names, files: &'f BTreeMap<Names, Imports>) -> BTreeSet<&'f Names> {
    let Some(imports) = files.get(module) else { return BTreeSet::new() };
    let targets = imports.paths.iter().filter_map(|path| target(path.clone(), files));
    targets.filter(|target| !target.starts_with(module) && !module.starts_with(target)).collect()
}

/// The file that defines the item of a path. Follows the name from one `use` to the next.
fn target(mut path: Names, files: &BTreeMap<Names, Imports>) -> Option<&Names> {
    let mut found = None;
    for _ in 0..HOPS {
        let length = (0..=path.len()).rev().find(|length| files.contains_key(&path[..*length]))?;
        let (file, imports) = files.get_key_value(&path[..length])?;
        found = Some(file);
        let reexport = path.get(length).and_then(|name| imports.names.get(name));
        match reexport {
            Some(other) if *other != path[..=length] => {
                path = other.iter().chain(&path[length + 1..]).cloned().collect();
            }
            _ => break,
        }
    }
    found
}
