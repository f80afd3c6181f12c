//! What each role may do, as a table, and the scopes that follow from it.

use koppeltaal_smart::{Operation, Permission as Scope, Scopes};

use crate::config::{Permission, Reach, Role};

/// A line of the role matrix: these roles may do this with resources of these types.
struct Line {
    roles: &'static [Role],
    types: &'static [&'static str],
    letters: &'static str,
    reach: Reach,
}

const EPD: &[Role] = &[Role::Epd];
const PORTAL: &[Role] = &[Role::Portal];
const MODULE: &[Role] = &[Role::Module];
const APPLICATIONS: &[Role] = &[Role::Epd, Role::Portal, Role::Module];
const PEOPLE: &[&str] = &["Patient", "Practitioner", "RelatedPerson", "CareTeam", "Organization"];
const ACTIVITIES: &[&str] = &["ActivityDefinition", "Endpoint"];
const TASK: &[&str] = &["Task"];

/// The matrix of the sandbox. Creating is always ALL, since what is created is the application's own.
const MATRIX: [Line; 14] = [
    Line { roles: APPLICATIONS, types: PEOPLE, letters: "r", reach: Reach::All },
    Line { roles: EPD, types: PEOPLE, letters: "c", reach: Reach::All },
    Line { roles: EPD, types: PEOPLE, letters: "u", reach: Reach::Own },
    Line { roles: &[Role::Epd, Role::Portal], types: ACTIVITIES, letters: "r", reach: Reach::All },
    Line { roles: MODULE, types: ACTIVITIES, letters: "c", reach: Reach::All },
    Line { roles: MODULE, types: ACTIVITIES, letters: "ru", reach: Reach::Own },
    Line { roles: EPD, types: TASK, letters: "cru", reach: Reach::All },
    Line { roles: PORTAL, types: TASK, letters: "cr", reach: Reach::All },
    Line { roles: PORTAL, types: TASK, letters: "u", reach: Reach::Own },
    Line { roles: MODULE, types: TASK, letters: "ru", reach: Reach::All },
    Line { roles: APPLICATIONS, types: &["Subscription", "AuditEvent"], letters: "c", reach: Reach::All },
    Line { roles: APPLICATIONS, types: &["Subscription"], letters: "ru", reach: Reach::Own },
    Line { roles: APPLICATIONS, types: &["Device"], letters: "r", reach: Reach::All },
    Line { roles: &[Role::Administration], types: &["*"], letters: "cruds", reach: Reach::All },
];

/// The scopes of an application with this role and these permissions, whose own Device and whose GRANTED
/// Devices these are.
pub(crate) fn scopes(role: Role, permissions: &[Permission], own: &str, granted: &[String]) -> Scopes {
    let of_role = MATRIX
        .iter()
        .filter(|line| line.roles.contains(&role))
        .flat_map(|line| line.types.iter().map(|resource_type| (*resource_type, line.letters, line.reach)));
    let of_application = permissions
        .iter()
        .map(|permission| (permission.resource_type.as_str(), permission.letters.as_str(), permission.reach));
    // One scope for each type and reach, in the order of the table.
    let mut lines: Vec<(&str, Reach, Vec<Operation>)> = Vec::new();
    for (resource_type, letters, reach) in of_role.chain(of_application) {
        let operations = operations(letters);
        match lines.iter_mut().find(|(known, at, _)| (*known, *at) == (resource_type, reach)) {
            Some((.., all)) => all.extend(operations),
            None => lines.push((resource_type, reach, operations)),
        }
    }
    let scope = |(resource_type, reach, mut operations): (&str, Reach, Vec<Operation>)| {
        operations.sort_unstable();
        operations.dedup();
        let mut scope = Scope::new(Some(resource_type).filter(|name| *name != "*"), &operations);
        scope.resource_origins = match reach {
            Reach::All => None,
            Reach::Own => Some(vec![own.to_owned()]),
            Reach::Granted => Some(granted.to_vec()),
        };
        scope
    };
    lines.into_iter().map(scope).collect()
}

/// The operations of these letters. Reading always brings searching.
fn operations(letters: &str) -> Vec<Operation> {
    const LETTERS: [(char, Operation); 5] = [
        ('c', Operation::Create),
        ('r', Operation::Read),
        ('u', Operation::Update),
        ('d', Operation::Delete),
        ('s', Operation::Search),
    ];
    let has = |letter| letters.contains(letter) || (letter == 's' && letters.contains('r'));
    LETTERS.iter().filter(|(letter, _)| has(*letter)).map(|(_, operation)| *operation).collect()
}

#[cfg(test)]
mod tests {
    use koppeltaal_smart::Access;

    use super::*;

    fn of(role: Role) -> Scopes {
        scopes(role, &[], "Device/own", &[])
    }

    #[test]
    fn a_role_says_what_an_application_may_do_and_with_whose_resources() {
        let own = Access::Limited(vec!["Device/own".to_owned()]);
        for (role, resource_type, operation, access) in [
            (Role::Epd, "Patient", Operation::Create, Access::All),
            (Role::Epd, "Patient", Operation::Update, own.clone()),
            (Role::Epd, "Endpoint", Operation::Create, Access::Denied),
            (Role::Portal, "Patient", Operation::Search, Access::All),
            (Role::Portal, "Patient", Operation::Create, Access::Denied),
            (Role::Portal, "Task", Operation::Update, own.clone()),
            (Role::Module, "ActivityDefinition", Operation::Read, own.clone()),
            (Role::Module, "Task", Operation::Update, Access::All),
            (Role::Module, "Task", Operation::Create, Access::Denied),
            (Role::Module, "Subscription", Operation::Update, own),
            (Role::Module, "AuditEvent", Operation::Create, Access::All),
            (Role::Module, "AuditEvent", Operation::Read, Access::Denied),
            (Role::Administration, "AuditEvent", Operation::Delete, Access::All),
            (Role::Custom, "Task", Operation::Read, Access::Denied),
        ] {
            assert_eq!(
                of(role).access(resource_type, operation),
                access,
                "{role:?} {resource_type} {operation:?}"
            );
        }
        let all = [Role::Epd, Role::Portal, Role::Module];
        assert!(all.iter().all(|role| !of(*role).to_string().contains('d') || {
            let scopes = of(*role);
            scopes.permissions().iter().all(|scope| !scope.operations.contains(&Operation::Delete))
        }));
        assert_eq!(of(Role::Administration).to_string(), "system/*.cruds");
    }

    #[test]
    fn an_application_has_its_own_permissions_beside_those_of_the_role() {
        let permission = |resource_type: &str, letters: &str, reach| Permission {
            resource_type: resource_type.to_owned(),
            letters: letters.to_owned(),
            reach,
        };
        let permissions = [
            permission("Task", "u", Reach::Own),
            permission("Task", "r", Reach::Granted),
            permission("Task", "d", Reach::Own),
        ];
        let granted = ["Device/a".to_owned(), "Device/b".to_owned()];
        assert_eq!(
            scopes(Role::Custom, &permissions, "Device/own", &granted).to_string(),
            "system/Task.ud?resource-origin=Device/own system/Task.rs?resource-origin=Device/a,Device/b"
        );
    }
}
