//! Tests of the schema text: what is printed can be read back, and bad lines are refused with their place.

use super::{Definition, parse, print};

const SAMPLE: &str = r"# A sample

abstract Element
    @id        0..1  id
    extension  0..*  Extension

resource Patient : Resource
    identifier   0..*  Identifier
    deceased[x]  0..1  boolean | dateTime
    contact      1..*  Patient.Contact
    state        1..1  code(State)

component Patient.Contact : BackboneElement

binary Binary
    @contentType  1..1  string
    @id           0..1  id
    content       1..1  base64Binary

restriction Age : Quantity

primitive id : xs:string /[a-z0-9\-\.]{1,36}/ minLength=1

primitive string : xs:string minLength=1

primitive date : xs:gYear | xs:date /\d{4}(\-\d{2})?( a|b/c)/

primitive boolean : xs:boolean

codes State
    in progress
    <=
    3
";

#[test]
fn what_is_printed_can_be_read_back() {
    let definitions = parse(SAMPLE, "sample.schema").expect("the sample is well formed");
    assert_eq!(definitions.len(), 10);
    let text = print("A sample", &definitions);
    assert_eq!(text, SAMPLE);
    assert_eq!(parse(&text, "sample.schema").expect("printed text is well formed"), definitions);
}

#[test]
fn comments_blank_lines_and_alignment_do_not_matter() {
    let loose = "type A : Element\n\n  # why\n  b 0..1 string\n\tlonger[x]   1..1   date|Age\n";
    let tight = "type A : Element\n    b          0..1  string\n    longer[x]  1..1  date | Age\n";
    let definitions = parse(loose, "loose.schema").expect("well formed");
    assert_eq!(definitions.iter().map(Definition::to_string).collect::<String>(), tight);
}

#[test]
fn bad_lines_are_refused_with_file_and_line() {
    let cases = [
        ("    a 0..1 string", 1, "at the margin"),
        ("# c\nresorce Patient : Resource", 2, "unknown kind of definition `resorce`"),
        ("resource Patient", 1, "expected ` : ` and a base"),
        ("resource : Resource", 1, "expected a name"),
        ("binary Binary : Element", 1, "expected no base"),
        ("restriction Age", 1, "a base type"),
        ("restriction Age : Quantity\n    value 0..1 decimal", 2, "takes no indented lines"),
        ("codes A : B", 1, "has no base"),
        ("codes A\n    b\n    b", 3, "is defined twice"),
        ("codes A\ncodes A", 2, "defined twice"),
        ("type A : Element\n    b", 2, "a name, a cardinality and a type"),
        ("type A : Element\n    b 0..1", 2, "a cardinality and a type"),
        ("type A : Element\n    b 0..2 string", 2, "found `0..2`"),
        ("type A : Element\n    b 0..1 string | date", 2, "only a choice"),
        ("type A : Element\n    b[x] 0..1 string", 2, "at least two types"),
        ("type A : Element\n    b[x] 0..* string | date", 2, "cannot repeat"),
        ("type A : Element\n    @b 0..* string", 2, "cannot repeat"),
        ("type A : Element\n    b 0..1 code(X", 2, "expected a name"),
        ("type A : Element\n    b 0..1 string\n    b 0..1 string", 3, "two fields of the name `b`"),
        ("primitive a", 1, "a base type"),
        ("primitive a : string", 1, "a type with `xs:`"),
        ("primitive a : xs:string //", 1, "between two slashes"),
        ("primitive a : xs:string /b/ maxLength=1", 1, "`minLength=` and a number"),
        ("primitive a : xs:string minLength=many", 1, "`minLength=` and a number"),
    ];
    for (text, line, expected) in cases {
        let error = parse(text, "bad.schema").expect_err(text);
        let message = format!("{error:#}");
        assert!(message.starts_with(&format!("bad.schema, line {line}: ")), "{message}");
        assert!(message.contains(expected), "expected `{expected}` in `{message}`");
    }
}
