//! [`Interaction`]: the table of all requests: method, whether repeating is safe, what a lost answer means.

use reqwest::Method;

/// One kind of request.
#[derive(Debug)]
pub(crate) struct Interaction {
    /// For spans and errors.
    pub(crate) name: &'static str,
    pub(crate) method: Method,
    /// Whether doing it twice is the same as doing it once, so that it may be tried again whatever became of
    /// the first try.
    pub(crate) repeatable: bool,
    /// Whether it carries an access token.
    pub(crate) authenticates: bool,
}

macro_rules! interactions {
    ($($constant:ident $name:literal $method:ident $repeatable:literal $authenticates:literal;)*) => {
        impl Interaction {
            $(pub(crate) const $constant: &Self = &Self {
                name: $name,
                method: Method::$method,
                repeatable: $repeatable,
                authenticates: $authenticates,
            };)*
        }
    };
}

interactions! {
    //                    name                   method repeatable authenticates
    CAPABILITIES          "capabilities"         GET    true       false;
    IMPLEMENTATION_GUIDE  "implementation-guide" GET    true       false;
    READ                  "read"                 GET    true       true;
    VREAD                 "vread"                GET    true       true;
    SEARCH                "search"               GET    true       true;
    CREATE                "create"               POST   false      true;
    // Repeated after it was done, it is in conflict with itself.
    UPDATE                "update"               PUT    false      true;
    DELETE                "delete"               DELETE false      true;
}
