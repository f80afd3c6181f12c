//! The layout of generated code. Prettyplease does most of it, but does not format the calls of macros. Here
//! the calls of `describe!` become tables, one line per row.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The macro whose calls are tables.
const TABLE: &str = "describe";

/// The text of a file.
pub(super) fn unparse(mut file: syn::File) -> String {
    let items = std::mem::take(&mut file.items);
    let mut text = String::new();
    for item in items {
        match item {
            syn::Item::Macro(call) if call.mac.path.is_ident(TABLE) => {
                text.push_str(&prettyplease::unparse(&file));
                file.attrs.clear();
                file.items.clear();
                text.push_str(&table(call.mac.tokens));
            }
            other => file.items.push(other),
        }
    }
    text.push_str(&prettyplease::unparse(&file));
    text.truncate(text.trim_end().len());
    text + "\n"
}

/// A call of the macro, between blank lines: the part before the colon is the first line.
fn table(tokens: TokenStream) -> String {
    let mut lines = Lines { text: format!("\n{TABLE}! {{"), indent: 1, is_begun: true, is_glued: false };
    lines.add(tokens);
    lines.text.push_str("}\n\n");
    lines.text
}

struct Lines {
    text: String,
    indent: usize,
    /// Whether the last line has words.
    is_begun: bool,
    /// Whether the next word follows without a blank.
    is_glued: bool,
}

impl Lines {
    fn add(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Punct(mark) if matches!(mark.as_char(), ',' | ':') => {
                    self.text.push(mark.as_char());
                    self.end();
                }
                // A part of the `..=` between two indexes.
                TokenTree::Punct(mark) => {
                    self.text.push(mark.as_char());
                    self.is_glued = true;
                }
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                    self.word("{");
                    self.end();
                    self.indent += 1;
                    self.add(group.stream());
                    self.indent -= 1;
                    self.word("}");
                }
                other => self.word(&other.to_string()),
            }
        }
    }

    fn word(&mut self, word: &str) {
        if !self.is_begun {
            self.text.push_str(&"    ".repeat(self.indent));
        } else if !self.is_glued {
            self.text.push(' ');
        }
        self.text.push_str(word);
        self.is_begun = true;
        self.is_glued = false;
    }

    fn end(&mut self) {
        self.text.push('\n');
        self.is_begun = false;
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    #[test]
    fn a_table_has_a_line_per_row() {
        let file = syn::parse2(quote! {
            struct Before;
            describe! { One "One" element id: 0 "a" a Primitive list, choice b OneB optional 1..=1 { 1 "bC" C Structure, }, }
            struct After;
        })
        .expect("items");
        let expected = r#"struct Before;

describe! { One "One" element id:
    0 "a" a Primitive list,
    choice b OneB optional 1..=1 {
        1 "bC" C Structure,
    },
}

struct After;
"#;
        assert_eq!(super::unparse(file), expected);
    }
}
