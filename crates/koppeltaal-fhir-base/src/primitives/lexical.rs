//! [`lexical!`]: the methods and traits of the types that keep the text of a value as it was written.

/// What every newtype over the text of a value has: access to the text, comparison with text, printing, and
/// parsing.
macro_rules! lexical {
    ($name:ident) => {
        impl $name {
            /// The text as written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.0
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.0 == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                self.0 == *other
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Debug::fmt(&self.0, f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::ParseError;

            /// Reads text that the schema allows, even if the prose of the standard does not: a time without
            /// an offset, a code with double blanks.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                crate::primitives::scalar::parse(text)
            }
        }
    };
}

pub(crate) use lexical;
