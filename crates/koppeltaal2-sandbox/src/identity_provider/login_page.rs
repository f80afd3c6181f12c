//! The HTML of the login page: whom to log in as.

use std::fmt::Write as _;

use crate::config::UserType;
use crate::page::escape;
use crate::person::Person;

/// The heading and the title.
pub(crate) const TITLE: &str = "Who logs in?";

/// How many people the page shows; the filter finds the others.
const SHOWN: usize = 50;

/// With more people than this there is a filter.
const MANY: usize = 8;

/// The headings of the kinds.
const HEADINGS: [(UserType, &str); 3] = [
    (UserType::Patient, "Patients"),
    (UserType::Practitioner, "Practitioners"),
    (UserType::RelatedPerson, "Related persons"),
];

/// The content of the page. `hint` is who was launched; `filter` is what the user looks for.
pub(crate) fn html(people: &[Person], session: &str, hint: Option<&str>, filter: &str) -> String {
    let active: Vec<&Person> = people.iter().filter(|person| person.is_active).collect();
    let launched = active.iter().find(|person| Some(person.reference.as_str()) == hint);
    let words: Vec<String> = filter.split_whitespace().map(str::to_lowercase).collect();
    let found: Vec<&&Person> = active
        .iter()
        .filter(|person| Some(person.reference.as_str()) != hint)
        .filter(|person| words.iter().all(|word| is_match(person, word)))
        .collect();
    let session = escape(session);
    let hidden = format!("<input type=\"hidden\" name=\"session\" value=\"{session}\">\n");
    let mut html = format!(
        "<h1>{TITLE}</h1>\n<p class=\"soft\">The identity provider of the sandbox asks for no password: choose \
         somebody.</p>\n<form method=\"post\" action=\"login\">\n{hidden}"
    );
    if let Some(person) = launched {
        html.push_str("<h2>The application launched</h2>\n");
        button(&mut html, person, true);
        if !found.is_empty() {
            html.push_str("<p class=\"soft\">Anybody else is refused, as at a real identity provider.</p>\n");
        }
    }
    html.push_str("</form>\n");
    if active.len() > MANY || !words.is_empty() {
        let filter = escape(filter);
        let _ = write!(
            html,
            "<form class=\"filter\" method=\"get\" action=\"login\" role=\"search\">\n{hidden}\
             <label for=\"filter\">Name or identifier</label>\n\
             <input id=\"filter\" name=\"filter\" type=\"search\" value=\"{filter}\">\n\
             <button>Find</button>\n</form>\n"
        );
    }
    let _ = write!(html, "<form method=\"post\" action=\"login\">\n{hidden}");
    for (kind, heading) in HEADINGS {
        let mut of_kind = found.iter().take(SHOWN).filter(|person| person.kind == kind).peekable();
        if of_kind.peek().is_some() {
            let _ = write!(html, "<h2>{heading}</h2>\n<ul>\n");
            for person in of_kind {
                html.push_str("<li>");
                button(&mut html, person, false);
                html.push_str("</li>\n");
            }
            html.push_str("</ul>\n");
        }
    }
    if found.len() > SHOWN {
        let _ = writeln!(html, "<p>{} more: look for a name or an identifier.</p>", found.len() - SHOWN);
    }
    if active.is_empty() {
        html.push_str(
            "<p>There is nobody in the store yet. An application creates a Patient, or the sandbox starts \
             with invented people.</p>\n",
        );
    } else if found.is_empty() && !words.is_empty() {
        html.push_str("<p>Nobody else has such a name or identifier.</p>\n");
    }
    html.push_str("<p><button name=\"cancel\" value=\"1\">Cancel</button></p>\n</form>\n");
    html
}

fn is_match(person: &Person, word: &str) -> bool {
    let texts = [&person.name, &person.reference];
    texts.into_iter().chain(&person.identifiers).any(|text| text.to_lowercase().contains(word))
}

/// A button that logs somebody in.
fn button(html: &mut String, person: &Person, is_main: bool) {
    let class = if is_main { "person main" } else { "person" };
    let (reference, name) = (escape(&person.reference), escape(&person.name));
    let birth = person.birth_date.as_ref().map(|date| format!("born {}", escape(date)));
    let login = match person.login() {
        Some(login) => format!("known as {}", escape(login)),
        None => "without an identifier, so nobody can recognize this person".to_owned(),
    };
    let details: Vec<String> = birth.into_iter().chain([login]).collect();
    let _ = writeln!(
        html,
        "<button class=\"{class}\" name=\"person\" value=\"{reference}\"><b>{name}</b> \
         <span class=\"soft\">{}</span></button>",
        details.join(", ")
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(kind: UserType, id: &str, name: &str) -> Person {
        Person {
            kind,
            reference: format!("{}/{id}", kind.name()),
            name: name.to_owned(),
            birth_date: None,
            identifiers: vec![format!("{id}@example.nl")],
            is_active: true,
            patient: None,
        }
    }

    #[test]
    fn the_launched_person_comes_first_and_the_others_by_kind() {
        let people = [person(UserType::Patient, "1", "Anna"), person(UserType::Practitioner, "2", "Bart")];
        let html = html(&people, "s", Some("Practitioner/2"), "");
        let place = |text: &str| html.find(text).unwrap_or_else(|| panic!("{text} is not in {html}"));
        assert!(place("The application launched") < place("Bart"));
        assert!(place("Bart") < place("Patients") && place("Patients") < place("Anna"));
        assert_eq!(html.matches("value=\"Practitioner/2\"").count(), 1);
        assert!(!html.contains("role=\"search\""), "two people need no filter");
    }

    #[test]
    fn names_cannot_become_markup() {
        let people = [person(UserType::Patient, "1", "<script>\"'&\u{202e}")];
        let html = html(&people, "s\"><b>", None, "<i>");
        assert!(!html.contains("<script>") && !html.contains("<b>\"") && !html.contains("<i>"), "{html}");
        assert!(!html.contains('\u{202e}'));
    }

    #[test]
    fn many_people_are_found_by_their_words() {
        let mut people: Vec<Person> =
            (0..200).map(|n| person(UserType::Patient, &n.to_string(), &format!("Anna {n}"))).collect();
        people[7].is_active = false;
        let all = html(&people, "s", None, "");
        assert_eq!(all.matches("name=\"person\"").count(), SHOWN);
        assert!(all.contains("149 more"), "an inactive person is not there");
        let some = html(&people, "s", None, "anna 199@");
        assert_eq!(some.matches("name=\"person\"").count(), 1);
        assert!(html(&people, "s", None, "zzz").contains("Nobody else has"));
        assert!(html(&[], "s", None, "").contains("nobody in the store yet"));
    }
}
