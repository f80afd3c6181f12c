//! Tests that run in JSON and in XML.

/// Runs a test in both formats.
macro_rules! in_both_formats {
    ($($(#[$doc:meta])* $name:ident $test:ident;)*) => {
        mod in_json { $(
            #[tokio::test]
            async fn $name() -> super::Result { super::$test(super::Format::Json).await }
        )* }
        mod in_xml { $(
            #[tokio::test]
            async fn $name() -> super::Result { super::$test(super::Format::Xml).await }
        )* }
    };
}
pub(crate) use in_both_formats;
