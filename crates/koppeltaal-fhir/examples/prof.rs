use koppeltaal_fhir::*;
fn main() {
    let mode = std::env::args().nth(1).unwrap();
    let t = std::fs::read("fixtures/messages/CreateOrUpdateCarePlan-full.json").unwrap();
    let d = ReadOptions::tolerant().json(&t).unwrap().document;
    let j = d.to_json().unwrap();
    let x = d.to_xml().unwrap();
    let n: usize = std::env::args().nth(2).map_or(30000, |n| n.parse().unwrap());
    for _ in 0..n {
        match mode.as_str() {
            "j" => {
                std::hint::black_box(ReadOptions::tolerant().json(j.as_bytes()).unwrap());
            }
            "x" => {
                std::hint::black_box(ReadOptions::tolerant().xml(x.as_bytes()).unwrap());
            }
            "jw" => {
                std::hint::black_box(d.to_json().unwrap());
            }
            _ => {
                std::hint::black_box(d.to_xml().unwrap());
            }
        }
    }
}
