//! The elements that HTML treats unlike XML: those without content, those whose content is plain text, and
//! those that the start of another element closes.

/// Elements of HTML that have no content.
pub(super) const VOID: [&str; 14] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track",
    "wbr",
];

/// Elements whose content is text to HTML, whatever it looks like.
pub(super) const RAW: [(&str, &str); 2] = [("script", "</script"), ("style", "</style")];

/// In each row: start tags, the open elements that they close, and the elements that prevent this when they
/// are open in between.
pub(super) const CLOSING: [(&[&str], &[&str], &[&str]); 8] = [
    (&["li"], &["li"], &["ul", "ol"]),
    (&["dt", "dd"], &["dt", "dd"], &["dl"]),
    (&["td", "th"], &["td", "th"], &["table", "tr"]),
    (&["tr", "tbody", "thead", "tfoot", "caption", "colgroup", "col"], &["tr"], &["table"]),
    (&["tbody", "thead", "tfoot", "caption", "colgroup", "col"], &["tbody", "thead", "tfoot"], &["table"]),
    (&["td", "th", "tr", "tbody", "thead", "tfoot", "caption", "colgroup", "col"], &["caption"], &["table"]),
    // A `col` belongs into a `colgroup`.
    (&["td", "th", "tr", "tbody", "thead", "tfoot", "caption", "colgroup"], &["colgroup"], &["table"]),
    (
        &[
            "p",
            "div",
            "ul",
            "ol",
            "dl",
            "table",
            "pre",
            "hr",
            "blockquote",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
        ],
        &["p"],
        &["div", "td", "th", "li", "dd", "blockquote", "table"],
    ),
];
