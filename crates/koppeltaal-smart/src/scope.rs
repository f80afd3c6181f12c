//! [`Scopes`]: what a token allows, as permissions (SMART App Launch 2.x section 3.0.3, with Koppeltaal's
//! restriction to the resources of certain applications).

use std::fmt;

/// The scopes of a token.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scopes {
    permissions: Vec<Permission>,
    others: Vec<String>,
}

/// One `system/` scope, such as `system/Task.rus?resource-origin=Device/a,Device/b`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Permission {
    /// The resource type; `None` for `*`, every type.
    pub resource_type: Option<String>,
    /// What may be done.
    pub operations: Vec<Operation>,
    /// Whose resources: references to the devices of applications. `None` for everybody's.
    pub resource_origins: Option<Vec<String>>,
    /// Other parameters of the scope, as they are written. They restrict it in a way that is not known here.
    pub other_restrictions: Option<String>,
}

/// What an application does with resources of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// `c`.
    Create,
    /// `r`: read, and read of a version.
    Read,
    /// `u`: update and patch.
    Update,
    /// `d`.
    Delete,
    /// `s`: search. Koppeltaal gives it together with `r`.
    Search,
}

/// Which resources of a type a token reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// None.
    Denied,
    /// Those that these applications created: references to their devices. Empty if all permissions have
    /// restrictions that are not known here.
    Limited(Vec<String>),
    /// All of them.
    All,
}

/// The letters, in the order that SMART demands.
const LETTERS: [(char, Operation); 5] = [
    ('c', Operation::Create),
    ('r', Operation::Read),
    ('u', Operation::Update),
    ('d', Operation::Delete),
    ('s', Operation::Search),
];

/// The words of SMART 1, which some servers still send.
const WORDS: [(&str, &str); 3] = [("read", "rs"), ("write", "cud"), ("*", "cruds")];

const RESOURCE_ORIGIN: &str = "resource-origin";

impl Scopes {
    /// Reads a scope. Nothing is an error: what is no permission of a system is among the
    /// [others](Self::others).
    pub fn parse(scope: &str) -> Self {
        let mut scopes = Self::default();
        for text in scope.split_ascii_whitespace() {
            match Permission::parse(text) {
                Some(permission) => scopes.permissions.push(permission),
                None => scopes.others.push(text.to_owned()),
            }
        }
        scopes
    }

    /// Whether some resource of this type may be created, read and so on. Only the server knows about a
    /// certain one; [`access`](Self::access) tells whose.
    pub fn allows(&self, resource_type: &str, operation: Operation) -> bool {
        self.matching(resource_type, operation).next().is_some()
    }

    /// Which resources of this type may be read and so on.
    pub fn access(&self, resource_type: &str, operation: Operation) -> Access {
        let mut access = Access::Denied;
        for permission in self.matching(resource_type, operation) {
            let origins = match (&permission.resource_origins, &permission.other_restrictions) {
                (None, None) => return Access::All,
                (Some(origins), None) => origins.clone(),
                (_, Some(_)) => Vec::new(),
            };
            match &mut access {
                Access::Limited(known) => known.extend(origins),
                _ => access = Access::Limited(origins),
            }
        }
        if let Access::Limited(origins) = &mut access {
            origins.sort_unstable();
            origins.dedup();
        }
        access
    }

    fn matching<'a>(
        &'a self,
        resource_type: &'a str,
        operation: Operation,
    ) -> impl Iterator<Item = &'a Permission> {
        self.permissions.iter().filter(move |permission| {
            permission.resource_type.as_deref().is_none_or(|own| own == resource_type)
                && permission.operations.contains(&operation)
        })
    }

    /// The permissions, in the order of the text.
    pub fn permissions(&self) -> &[Permission] {
        &self.permissions
    }

    /// The other scopes: `openid`, `launch`, those of users.
    pub fn others(&self) -> &[String] {
        &self.others
    }
}

impl Permission {
    /// Everything that these operations reach of a type; `None` for every type.
    pub fn new(resource_type: Option<&str>, operations: &[Operation]) -> Self {
        Self {
            resource_type: resource_type.map(str::to_owned),
            operations: operations.to_vec(),
            resource_origins: None,
            other_restrictions: None,
        }
    }

    /// Reads one scope; `None` if it is no permission of a system.
    fn parse(text: &str) -> Option<Self> {
        let (path, query) = text.split_once('?').map_or((text, None), |(path, query)| (path, Some(query)));
        let (resource_type, letters) = path.strip_prefix("system/")?.rsplit_once('.')?;
        let resource_type = match resource_type {
            "*" => None,
            name if !name.is_empty() && name.chars().all(char::is_alphanumeric) => Some(name.to_owned()),
            _ => return None,
        };
        let letters = WORDS.iter().find(|(word, _)| *word == letters).map_or(letters, |(_, letters)| letters);
        let operations: Vec<_> = letters.chars().map(Operation::from_letter).collect::<Option<_>>()?;
        if operations.is_empty() {
            return None;
        }
        let mut permission =
            Self { resource_type, operations, resource_origins: None, other_restrictions: None };
        let mut others = Vec::new();
        for parameter in query.into_iter().flat_map(|query| query.split('&')) {
            match parameter.split_once('=') {
                Some((RESOURCE_ORIGIN, list)) => {
                    let origins = permission.resource_origins.get_or_insert_default();
                    origins.extend(list.split(',').filter(|origin| !origin.is_empty()).map(str::to_owned));
                }
                _ => others.push(parameter),
            }
        }
        permission.other_restrictions = Some(others.join("&")).filter(|text| !text.is_empty());
        Some(permission)
    }
}

impl Operation {
    fn from_letter(letter: char) -> Option<Self> {
        LETTERS.iter().find(|(known, _)| *known == letter).map(|(_, operation)| *operation)
    }
}

impl FromIterator<Permission> for Scopes {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        Self { permissions: permissions.into_iter().collect(), others: Vec::new() }
    }
}

impl fmt::Display for Permission {
    /// The scope, with its letters in the order of SMART.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "system/{}.", self.resource_type.as_deref().unwrap_or("*"))?;
        for (letter, _) in LETTERS.iter().filter(|(_, operation)| self.operations.contains(operation)) {
            write!(f, "{letter}")?;
        }
        let origins =
            self.resource_origins.as_ref().map(|list| format!("{RESOURCE_ORIGIN}={}", list.join(",")));
        let mut separator = '?';
        for parameter in origins.iter().chain(&self.other_restrictions) {
            write!(f, "{separator}{parameter}")?;
            separator = '&';
        }
        Ok(())
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let permissions = self.permissions.iter().map(Permission::to_string);
        f.write_str(&permissions.chain(self.others.iter().cloned()).collect::<Vec<_>>().join(" "))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As the reference service of Koppeltaal writes it.
    const SCOPE: &str = "system/Task.rus system/ActivityDefinition.c \
        system/ActivityDefinition.u?resource-origin=Device/mod1 \
        system/ActivityDefinition.u?resource-origin=Device/mod2,Device/mod1 openid";

    #[test]
    fn a_scope_says_what_may_be_done_with_whose_resources() {
        let scopes = Scopes::parse(SCOPE);
        assert!(scopes.allows("Task", Operation::Search) && !scopes.allows("Task", Operation::Create));
        assert!(!scopes.allows("Patient", Operation::Read));
        assert_eq!(scopes.access("Task", Operation::Update), Access::All);
        assert_eq!(scopes.access("Task", Operation::Delete), Access::Denied);
        assert_eq!(
            scopes.access("ActivityDefinition", Operation::Update),
            Access::Limited(vec!["Device/mod1".to_owned(), "Device/mod2".to_owned()])
        );
        assert_eq!(scopes.others(), ["openid"]);
        assert_eq!(scopes.to_string(), SCOPE);
    }

    #[test]
    fn a_server_writes_the_scope_of_a_role() {
        let mut own = Permission::new(Some("Task"), &[Operation::Update, Operation::Read]);
        own.resource_origins = Some(vec!["Device/a".to_owned()]);
        let scopes: Scopes = [Permission::new(None, &[Operation::Search]), own].into_iter().collect();
        assert_eq!(scopes.to_string(), "system/*.s system/Task.ru?resource-origin=Device/a");
    }

    #[test]
    fn a_star_stands_for_every_type() {
        let scopes = Scopes::parse("system/*.cruds");
        assert_eq!(scopes.access("AuditEvent", Operation::Delete), Access::All);
        assert_eq!(Scopes::parse("system/*.read").to_string(), "system/*.rs");
    }

    #[test]
    fn a_restriction_that_is_not_known_does_not_widen_the_access() {
        let scopes = Scopes::parse("system/Task.r?status=ready system/Task.r?resource-origin=Device/a");
        assert_eq!(scopes.access("Task", Operation::Read), Access::Limited(vec!["Device/a".to_owned()]));
        assert_eq!(scopes.permissions()[0].other_restrictions.as_deref(), Some("status=ready"));
        assert_eq!(
            Scopes::parse("system/Task.r?resource-origin=").access("Task", Operation::Read),
            Access::Limited(Vec::new())
        );
    }

    #[test]
    fn what_is_no_permission_of_a_system_is_kept() {
        for other in [
            "user/Task.r",
            "system/Task",
            "system/.r",
            "system/Task.",
            "system/Task.x",
            "launch",
            "system/T k",
        ] {
            let scopes = Scopes::parse(other);
            assert!(scopes.permissions().is_empty(), "{other}");
            assert_eq!(scopes.to_string(), other);
        }
        assert_eq!(Scopes::parse("  "), Scopes::default());
    }

    proptest! {
        #[test]
        fn a_scope_that_is_written_reads_the_same(
            text in "((system/(Task|\\*)\\.[cruds]{1,5}(\\?resource-origin=Device/[a-c](,Device/d)?)?|launch) ){0,6}",
        ) {
            let scopes = Scopes::parse(&text);
            let written = Scopes::parse(&scopes.to_string());
            for operation in LETTERS.map(|(_, operation)| operation) {
                prop_assert_eq!(scopes.access("Task", operation), written.access("Task", operation));
            }
        }
    }
}
