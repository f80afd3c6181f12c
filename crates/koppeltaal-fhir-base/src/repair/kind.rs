//! [`Repair`]: the kinds of repairs, and their wording as findings.

/// What was done to a narrative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Repair {
    /// Names in lower case.
    Case,
    /// Elements such as `br` closed.
    Void,
    /// Elements closed that were left open.
    Open,
    /// End tags without an element left out.
    End,
    /// `&` or `<` written as references.
    Character,
    /// Attributes put in quotes, and left out if they are repeated or XML does not allow their names.
    Attribute,
    /// Tags and attributes with a prefix, and declarations of other namespaces, left out.
    Prefix,
    /// Comments, declarations and instructions of HTML made right or left out.
    Remark,
    /// Characters left out that XML cannot hold.
    Forbidden,
    /// A `div` put around it all.
    Wrapped,
}

impl Repair {
    /// What the standard wants, and what was there.
    pub(super) fn describe(self) -> (&'static str, &'static str) {
        match self {
            Self::Case => ("names in lower case", "names in upper case"),
            Self::Void => ("empty elements that are closed, such as <br/>", "elements such as <br>"),
            Self::Open => ("elements with their end tags", "elements that were left open"),
            Self::End => ("end tags of elements", "end tags without their elements, left out"),
            Self::Character => ("&amp; and &lt;", "the characters themselves, or named ones"),
            Self::Attribute => ("attributes with a quoted value, once", "others, put right or left out"),
            Self::Prefix => ("names of XHTML", "names with a prefix, left out"),
            Self::Remark => ("comments of XML", "others, a declaration or an instruction"),
            Self::Forbidden => ("characters that XML can hold", "others, left out"),
            Self::Wrapped => ("one div element", "something else, put into a div"),
        }
    }
}
