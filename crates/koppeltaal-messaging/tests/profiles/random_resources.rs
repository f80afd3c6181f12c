//! Random resources as JSON: right, quirky and wrong, with anything that a profile knows in any place.

/// Takes decisions from the bytes that proptest made, so that failures shrink. Without bytes left, it takes
/// the first choice.
pub(crate) struct Dice<'a>(std::slice::Iter<'a, u8>);

impl<'a> Dice<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes.iter())
    }

    fn roll(&mut self, sides: usize) -> usize {
        usize::from(*self.0.next().unwrap_or(&0)) % sides
    }

    fn pick<'b>(&mut self, from: &[&'b str]) -> &'b str {
        from[self.roll(from.len())]
    }

    fn chance(&mut self, one_in: usize) -> bool {
        self.roll(one_in) == one_in - 1
    }

    /// A resource of a type whose profile has these elements.
    pub(crate) fn resource(
        &mut self,
        resource_type: &str,
        elements: &[(&str, &str)],
        urls: &[&str],
    ) -> String {
        let members = self.element(elements, urls, 3);
        format!(
            r#"{{"resourceType": "{resource_type}"{}{members}}}"#,
            if members.is_empty() { "" } else { ", " }
        )
    }

    /// The members of an element: its id, extensions, some of its elements, and sometimes an unknown one.
    fn element(&mut self, elements: &[(&str, &str)], urls: &[&str], depth: usize) -> String {
        let mut members = Vec::new();
        if self.chance(4) {
            members.push(r#""id": "a1""#.to_owned());
        }
        let extensions: Vec<String> = (0..self.roll(6)).map(|_| self.extension(urls, depth)).collect();
        if !extensions.is_empty() {
            members.push(format!(r#""extension": [{}]"#, extensions.join(", ")));
        }
        if self.chance(8) {
            members.push(
                r#""modifierExtension": [{"url": "https://epd.example/x#not", "valueBoolean": true}]"#
                    .to_owned(),
            );
        }
        if self.chance(8) {
            members.push(r#""priority": "hoog""#.to_owned());
        }
        for (name, kind) in elements {
            if self.chance(2) {
                members.extend(self.member(name, kind, urls, depth));
            }
        }
        members.join(", ")
    }

    /// One element, with its companion if it is a primitive that has one. `kind*` is a list.
    fn member(&mut self, name: &str, kind: &str, urls: &[&str], depth: usize) -> Vec<String> {
        let (kind, is_list) = kind.strip_suffix('*').map_or((kind, false), |kind| (kind, true));
        let count = if is_list { 1 + self.roll(3) } else { 1 };
        let values: Vec<String> = (0..count).map(|_| self.value(kind, urls, depth)).collect();
        let mut members = match is_list {
            true => vec![format!(r#""{name}": [{}]"#, values.join(", "))],
            false => vec![format!(r#""{name}": {}"#, values[0])],
        };
        let is_primitive = !values[0].starts_with('{');
        if is_primitive && self.chance(6) {
            let companion =
                r#"{"id": "e1", "extension": [{"url": "https://epd.example/x#why", "valueCode": "z"}]}"#;
            let companion = if is_list { format!("[{companion}]") } else { companion.to_owned() };
            members.push(format!(r#""_{name}": {companion}"#));
        }
        members
    }

    /// A value of a type; sometimes an unreadable one.
    fn value(&mut self, kind: &str, urls: &[&str], depth: usize) -> String {
        let quoted = |text: &str| format!("\"{text}\"");
        match kind {
            "string" => {
                quoted(self.pick(&["Lieke", "a3", "", "https://portal.example/fhir/CarePlan/900#a1"]))
            }
            "uri" => quoted(self.pick(&["https://epd.example/fhir", "urn:oid:2.999"])),
            "code" => quoted(self.pick(&[
                "active",
                "final",
                "Game",
                "Available",
                "Achieved",
                "in progress",
                "error",
            ])),
            "boolean" => self.pick(&["true", "false", "\"ja\"", "\"true\""]).to_owned(),
            "integer" => self.pick(&["45", "\"45\"", "4.5", "-7"]).to_owned(),
            "decimal" => self.pick(&["45", "99.90", "-0.5", "1.00", "99999999999"]).to_owned(),
            "dateTime" | "instant" => quoted(self.pick(&[
                "2023-03-16T00:00:00",
                "2023-03-16",
                "2023-03-20T19:04:58.2227301Z",
                "Hl7.Fhir.Model.FhirDateTime",
            ])),
            "base64Binary" => quoted(self.pick(&["QUJD", "niet"])),
            "Coding" => self.coding(),
            "CodeableConcept" => self.concept(),
            "ResourceReference" => self.reference(),
            "Identifier" => r#"{"system": "https://epd.example/ids", "value": "7"}"#.to_owned(),
            "HumanName" => {
                self.pick(&[r#"{"family": ["Duinroos"]}"#, r#"{"text": "Mees", "id": "n1"}"#]).to_owned()
            }
            "Period" => r#"{"start": "2023"}"#.to_owned(),
            "Attachment" => r#"{"contentType": "text/plain"}"#.to_owned(),
            "Narrative" => r#"{"status": "generated", "div": "<div>x</div>"}"#.to_owned(),
            "Resource" => r##"{"resourceType": "Observation", "id": "score"}"##.to_owned(),
            component => {
                let elements = COMPONENTS
                    .iter()
                    .find(|(name, _)| *name == component)
                    .map_or(&[][..], |(_, fields)| fields);
                format!("{{{}}}", self.element(elements, urls, depth))
            }
        }
    }

    fn coding(&mut self) -> String {
        let system = self.pick(&[
            "http://ggz.koppeltaal.nl/fhir/Koppeltaal/ActivityKind",
            "http://ggz.koppeltaal.nl/fhir/Koppeltaal/CarePlanActivityStatus",
            "http://ggz.koppeltaal.nl/fhir/Koppeltaal/CarePlanParticipantRole",
            "http://ggz.koppeltaal.nl/fhir/Koppeltaal/OtherResourceUsage",
            "http://hl7.org/fhir/v3/AdministrativeGender",
            "http://hl7.org/fhir/vs/administrative-gender",
            "http://hl7.org/fhir/v3/NullFlavor",
            "https://game.example/codes",
        ]);
        let code = self.pick(&["Game", "Available", "Requester", "F", "UNK", "Paused"]);
        let mut members =
            [format!(r#""system": "{system}""#), format!(r#""code": "{code}", "display": "{code}""#)];
        if self.chance(3) {
            let odd = [
                r#""code": "F", "display": "Vrouw""#,
                r#""display": "los""#,
                r#""primary": true, "id": "c1""#,
                r#""version": "3""#,
            ];
            let at = self.roll(2);
            members[at] = self.pick(&odd).to_owned();
        }
        format!("{{{}}}", members.join(", "))
    }

    fn concept(&mut self) -> String {
        let codings: Vec<String> = (0..1 + self.roll(2)).map(|_| self.coding()).collect();
        match self.roll(4) {
            0 | 1 => format!(r#"{{"coding": [{}]}}"#, codings.join(", ")),
            2 => format!(r#"{{"coding": [{}], "text": "vrij"}}"#, codings.join(", ")),
            _ => r#"{"text": "alleen tekst"}"#.to_owned(),
        }
    }

    fn reference(&mut self) -> String {
        self.pick(&[
            r#"{"reference": "https://epd.example/fhir/Patient/2041"}"#,
            r#"{"reference": "https://epd.example/fhir/Practitioner/77", "display": "Teun Haverkruid"}"#,
            r#"{"display": "iemand"}"#,
            r#"{"id": "r1", "reference": "https://epd.example/fhir/Patient/2041"}"#,
            r#"{"reference": "https://epd.example/fhir/Patient/2041", "versie": 3}"#,
            "{}",
        ])
        .to_owned()
    }

    /// An extension with any URL and any value, sometimes with extensions of its own.
    fn extension(&mut self, urls: &[&str], depth: usize) -> String {
        let url = match self.roll(8) {
            0 => "https://portal.example/fhir/CarePlan#Uitgelicht",
            1 => self.pick(urls).rsplit('#').next().unwrap_or_default(),
            _ => self.pick(urls),
        };
        let mut members = vec![format!(r#""url": "{url}""#)];
        if self.chance(8) {
            members.push(r#""id": "x1""#.to_owned());
        }
        let inside = if depth > 0 && self.chance(3) { 1 + self.roll(3) } else { 0 };
        let extensions: Vec<String> = (0..inside).map(|_| self.extension(urls, depth - 1)).collect();
        if !extensions.is_empty() {
            members.push(format!(r#""extension": [{}]"#, extensions.join(", ")));
        }
        if extensions.is_empty() || self.chance(6) {
            let (suffix, kind) = VALUES[self.roll(VALUES.len())];
            members.extend(self.member(&format!("value{suffix}"), kind, urls, depth));
        }
        format!("{{{}}}", members.join(", "))
    }
}

/// The types of value that an extension can hold, and one that it cannot.
const VALUES: &[(&str, &str)] = &[
    ("String", "string"),
    ("Coding", "Coding"),
    ("Code", "code"),
    ("CodeableConcept", "CodeableConcept"),
    ("Resource", "ResourceReference"),
    ("Boolean", "boolean"),
    ("Integer", "integer"),
    ("Decimal", "decimal"),
    ("DateTime", "dateTime"),
    ("Instant", "instant"),
    ("Uri", "uri"),
    ("Base64Binary", "base64Binary"),
    ("Identifier", "Identifier"),
    ("Period", "Period"),
    ("Xhtml", "string"),
];

/// The elements of the components, including those outside the profiles.
const COMPONENTS: &[(&str, &[(&str, &str)])] = &[
    ("CarePlan.Participant", &[("role", "CodeableConcept"), ("member", "ResourceReference")]),
    (
        "CarePlan.Goal",
        &[
            ("description", "string"),
            ("status", "code"),
            ("notes", "string"),
            ("concern", "ResourceReference*"),
        ],
    ),
    (
        "CarePlan.Activity",
        &[
            ("goal", "string*"),
            ("status", "code"),
            ("prohibited", "boolean"),
            ("notes", "string"),
            ("detail", "ResourceReference"),
            ("simple", "CarePlan.Simple"),
        ],
    ),
    ("CarePlan.Simple", &[("category", "code"), ("performer", "ResourceReference*"), ("details", "string")]),
    (
        "Organization.Contact",
        &[("purpose", "CodeableConcept"), ("name", "HumanName"), ("gender", "CodeableConcept")],
    ),
    (
        "OperationOutcome.Issue",
        &[("severity", "code"), ("type", "Coding"), ("details", "string"), ("location", "string*")],
    ),
];

/// The elements that every resource has.
macro_rules! elements {
    ($($element:expr),* $(,)?) => {
        &[("text", "Narrative"), ("contained", "Resource*"), ("language", "code"), $($element),*]
    };
}

/// The elements of the resources that carry profiles.
pub(crate) const RESOURCES: &[(&str, &[(&str, &str)])] = &[
    (
        "CarePlan",
        elements![
            ("patient", "ResourceReference"),
            ("status", "code"),
            ("period", "Period"),
            ("participant", "CarePlan.Participant*"),
            ("goal", "CarePlan.Goal*"),
            ("activity", "CarePlan.Activity*"),
            ("notes", "string"),
        ],
    ),
    (
        "Other",
        elements![
            ("identifier", "Identifier*"),
            ("code", "CodeableConcept"),
            ("coding", "Coding"),
            ("created", "dateTime")
        ],
    ),
    (
        "DiagnosticReport",
        elements![
            ("name", "CodeableConcept"),
            ("status", "code"),
            ("issued", "dateTime"),
            ("subject", "ResourceReference"),
            ("diagnosticDateTime", "dateTime"),
            ("result", "ResourceReference*"),
            ("presentedForm", "Attachment*"),
            ("conclusion", "string"),
        ],
    ),
    (
        "Device",
        elements![
            ("identifier", "Identifier*"),
            ("type", "CodeableConcept"),
            ("url", "uri"),
            ("model", "string")
        ],
    ),
    (
        "Organization",
        elements![
            ("name", "string"),
            ("type", "CodeableConcept"),
            ("partOf", "ResourceReference"),
            ("contact", "Organization.Contact*"),
            ("location", "ResourceReference*"),
            ("active", "boolean"),
        ],
    ),
    (
        "Patient",
        elements![
            ("identifier", "Identifier*"),
            ("name", "HumanName*"),
            ("gender", "CodeableConcept"),
            ("birthDate", "dateTime"),
            ("deceasedBoolean", "boolean"),
            ("careProvider", "ResourceReference*"),
            ("managingOrganization", "ResourceReference"),
            ("active", "boolean"),
        ],
    ),
    (
        "Practitioner",
        elements![
            ("name", "HumanName"),
            ("gender", "CodeableConcept"),
            ("organization", "ResourceReference"),
            ("role", "CodeableConcept*")
        ],
    ),
    (
        "RelatedPerson",
        elements![
            ("patient", "ResourceReference"),
            ("relationship", "CodeableConcept"),
            ("photo", "Attachment*")
        ],
    ),
    ("OperationOutcome", elements![("issue", "OperationOutcome.Issue*")]),
];
