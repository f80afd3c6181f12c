//! What a file imports, as far as its tokens tell, and which files that leads to.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A path from the root of the crate: names, the last one perhaps that of an item.
type Names = Vec<String>;

/// How often a name is followed from one `use` to the next.
const HOPS: usize = 8;

/// The paths in a file.
#[derive(Debug, Default)]
pub(super) struct Imports {
    /// All of them.
    paths: Vec<Names>,
    /// Those of its `use` declarations, by the name they give.
    names: BTreeMap<String, Names>,
}

impl Imports {
    /// The imports of a module's text.
    pub(super) fn of(text: &str, module: &[String]) -> Result<Self> {
        let tokens: TokenStream = text.parse().map_err(|error| anyhow::anyhow!("no Rust: {error}"))?;
        let mut imports = Self::default();
        imports.scan(tokens, module);
        Ok(imports)
    }

    /// Takes in those of another file of the same room.
    pub(super) fn add(&mut self, other: Self) {
        self.paths.extend(other.paths);
        self.names.extend(other.names);
    }

    fn scan(&mut self, tokens: TokenStream, module: &[String]) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let (mut at, mut in_use, mut is_test) = (0, false, false);
        while at < tokens.len() {
            let next = at + 1;
            match &tokens[at] {
                TokenTree::Punct(hash) if hash.as_char() == '#' => {
                    let attribute = tokens.get(next).map(ToString::to_string).unwrap_or_default();
                    is_test |= attribute.starts_with("[cfg (test") || attribute.starts_with("[cfg(test");
                }
                TokenTree::Punct(end) if end.as_char() == ';' => (in_use, is_test) = (false, false),
                TokenTree::Ident(word) if *word == "use" => in_use = true,
                TokenTree::Ident(word) if *word == "mod" => {
                    if let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(content))) =
                        (tokens.get(next), tokens.get(next + 1))
                    {
                        if !is_test {
                            self.scan(content.stream(), &[module, &[name.to_string()]].concat());
                        }
                        is_test = false;
                        at += 3;
                        continue;
                    }
                }
                TokenTree::Ident(word) if is_path_start(&tokens, at) => {
                    let base = match word.to_string().as_str() {
                        "crate" => Vec::new(),
                        "super" => module[..module.len().saturating_sub(1)].to_vec(),
                        // In a `use`, another name may be that of a module below or of another crate.
                        "self" => module.to_vec(),
                        other if in_use => [module, &[other.to_owned()]].concat(),
                        _ => {
                            at = next;
                            continue;
                        }
                    };
                    if !is_test {
                        at = self.path(&tokens, next, base, in_use);
                        continue;
                    }
                }
                TokenTree::Group(group) => {
                    if !is_test {
                        self.scan(group.stream(), module);
                    }
                    if group.delimiter() == Delimiter::Brace {
                        is_test = false;
                    }
                }
                _ => {}
            }
            at = next;
        }
    }

    /// Reads on behind the names of a path so far. Gives the place behind it.
    fn path(&mut self, tokens: &[TokenTree], mut at: usize, mut names: Names, in_use: bool) -> usize {
        while is_separator(tokens, at) {
            match tokens.get(at + 2) {
                Some(TokenTree::Ident(name)) if *name == "super" => drop(names.pop()),
                Some(TokenTree::Ident(name)) if *name == "self" => {}
                Some(TokenTree::Ident(name)) => names.push(name.to_string()),
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                    let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                    for part in
                        inner.split(|token| matches!(token, TokenTree::Punct(p) if p.as_char() == ','))
                    {
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

/// Whether a path of several names starts here, and not in the middle of one.
fn is_path_start(tokens: &[TokenTree], at: usize) -> bool {
    is_separator(tokens, at + 1) && !(at >= 2 && is_separator(tokens, at - 2))
}

/// Whether `::` is here.
fn is_separator(tokens: &[TokenTree], at: usize) -> bool {
    let is_colon = |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(p)) if p.as_char() == ':');
    is_colon(at) && is_colon(at + 1)
}

/// The other files that a module's paths lead to. A module and its parts are one thing: between them is no arrow.
pub(super) fn arrows<'f>(module: &Names, files: &'f BTreeMap<Names, Imports>) -> BTreeSet<&'f Names> {
    let Some(imports) = files.get(module) else { return BTreeSet::new() };
    let targets = imports.paths.iter().filter_map(|path| target(path.clone(), files));
    targets.filter(|target| !target.starts_with(module) && !module.starts_with(target)).collect()
}

/// The file that defines what a path names.
fn target(mut path: Names, files: &BTreeMap<Names, Imports>) -> Option<&Names> {
    let mut found = None;
    for _ in 0..HOPS {
        let length = (0..=path.len()).rev().find(|length| files.contains_key(&path[..*length]))?;
        let (file, imports) = files.get_key_value(&path[..length])?;
        found = Some(file);
        let handed_on = path.get(length).and_then(|name| imports.names.get(name));
        match handed_on {
            Some(other) if *other != path[..=length] => {
                path = other.iter().chain(&path[length + 1..]).cloned().collect();
            }
            _ => break,
        }
    }
    found
}
