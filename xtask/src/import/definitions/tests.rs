//! Tests of the way from XSD declarations to definitions, on small schemas of our own.

use super::super::xsd::{self, File};
use super::Types;
use crate::schema::Definition;

fn import(body: &str) -> anyhow::Result<String> {
    let schema = xsd::parse(&format!("<xs:schema>\n{body}\n</xs:schema>"))?;
    let files = [File { name: "sample.xsd".to_owned(), schema }];
    let definitions = Types::collect(&files)?.definitions(&files[0])?;
    Ok(definitions.iter().map(Definition::to_string).collect())
}

fn extension(name: &str, base: &str, content: &str) -> String {
    format!(
        "<xs:complexType name='{name}'><xs:complexContent><xs:extension base='{base}'>{content}\
         </xs:extension></xs:complexContent></xs:complexType>"
    )
}

fn sequence(content: &str) -> String {
    extension("Thing", "Element", &format!("<xs:sequence>{content}</xs:sequence>"))
}

#[test]
fn kinds_are_told_apart_and_put_in_order() {
    let body = [
        "<xs:simpleType name='Use-list'><xs:restriction base='xs:string'><xs:enumeration value='in use'/>\
         <xs:enumeration value='&lt;'/></xs:restriction></xs:simpleType>",
        &extension("Use", "Element", "<xs:attribute name='value' type='Use-list'/>"),
        "<xs:simpleType name='day-primitive'><xs:restriction><xs:simpleType><xs:union \
         memberTypes='xs:gYear xs:date'/></xs:simpleType><xs:pattern value='\\d+'/></xs:restriction>\
         </xs:simpleType>",
        &extension("day", "Element", "<xs:attribute name='value' type='day-primitive'/>"),
        &extension("Lamp.Part", "BackboneElement", "<xs:sequence/>"),
        &extension(
            "Lamp",
            "Resource",
            "<xs:sequence>\
             <xs:element name='use' type='Use' minOccurs='1' maxOccurs='1'/>\
             <xs:element name='contained' type='Resource.Inline' minOccurs='0' maxOccurs='unbounded'/>\
             <xs:choice minOccurs='0' maxOccurs='1'><xs:element name='litDay' type='day'/>\
             <xs:element name='litResource' type='ResourceReference'/></xs:choice>\
             <xs:element name='goal' type='xmlIdRef' minOccurs='1' maxOccurs='unbounded'/>\
             <xs:element ref='xhtml:div' minOccurs='1' maxOccurs='1'/></xs:sequence>\
             <xs:attribute name='url' type='uri-primitive' use='required'/>",
        ),
    ]
    .concat();
    let expected = r"primitive day : xs:gYear | xs:date /\d+/
resource Lamp : Resource
    @url       1..1  uri
    use        1..1  code(Use)
    contained  0..*  Resource
    lit[x]     0..1  day | ResourceReference
    goal       1..*  idref
    div        1..1  xhtml
component Lamp.Part : BackboneElement
codes Use
    in use
    <
";
    assert_eq!(import(&body).expect("a good schema"), expected);
}

#[test]
fn a_restriction_must_repeat_its_base() {
    let base = sequence("<xs:element name='value' type='decimal' minOccurs='0'/>");
    let restriction = |element: &str| {
        format!(
            "{base}<xs:complexType name='Small'><xs:complexContent><xs:restriction base='Thing'><xs:sequence>\
             {element}</xs:sequence><xs:attribute name='id' type='id-primitive'/></xs:restriction>\
             </xs:complexContent></xs:complexType>"
        )
    };
    let text = import(&restriction("<xs:element name='value' type='decimal' minOccurs='0'/>"));
    assert!(text.expect("a good schema").ends_with("restriction Small : Thing\n"));
    let error = import(&restriction("<xs:element name='value' type='decimal'/>")).expect_err("other bounds");
    assert_eq!(
        format!("{error:#}"),
        "sample.xsd, line 2, type Small: expected the same elements as in Thing"
    );
}

#[test]
fn what_the_text_form_cannot_say_is_refused() {
    let two = "<xs:element name='aString' type='string'/><xs:element name='aDate' type='date'/>";
    let cases = [
        (sequence("<xs:element name='a' type='string' minOccurs='2'/>"), "minOccurs=\"2\": expected 0 or 1"),
        (sequence("<xs:element name='a' type='string' maxOccurs='5'/>"), "expected 1 or unbounded"),
        (sequence(&format!("<xs:choice maxOccurs='unbounded'>{two}</xs:choice>")), "a choice that repeats"),
        (sequence("<xs:choice><xs:element name='aDate' type='date'/></xs:choice>"), "at least two"),
        (sequence("<xs:element ref='other'/>"), "expected xhtml:div"),
        (sequence("<xs:element name='a'/>"), "no attribute `type`"),
        (sequence("<xs:any/>"), "xs:any in xs:sequence, expected only element, choice"),
        (extension("Thing", "Quantity", ""), "base Quantity"),
        (extension("Thing", "Element", "<xs:attribute name='value' type='x'/>"), "unknown value type x"),
        ("<xs:simpleType name='lone'/>".to_owned(), "simple type lone"),
        (sequence("") + &sequence(""), "Thing is declared twice"),
        ("<xs:group name='a'/>".to_owned(), "xs:group in xs:schema"),
    ];
    for (body, expected) in cases {
        let message = format!("{:#}", import(&body).expect_err(expected));
        assert!(message.starts_with("sample.xsd") && message.contains("line 2"), "{message}");
        assert!(message.contains(expected), "expected `{expected}` in `{message}`");
    }
}
