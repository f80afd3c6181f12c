//! [`Browser`]: what the patient's browser does: it sends forms, and follows where it is sent.

use koppeltaal_smart::{HttpClient, LaunchPage};
use reqwest::header::LOCATION;

use super::error::{DemoError, Result};

/// A browser without a screen.
pub(super) struct Browser {
    /// It does not follow redirects: each is a step of the story.
    http: HttpClient,
}

/// A form of a page.
#[derive(Debug, PartialEq, Eq)]
struct Form {
    action: String,
    /// The names and values of its hidden fields.
    fields: Vec<(String, String)>,
}

impl Browser {
    pub(super) fn new() -> Result<Self> {
        Ok(Self { http: HttpClient::new("browser of the demo").map_err(DemoError::NoBrowser)? })
    }

    /// Shows the portal's page, which sends itself to the module. Returns where the module sends the browser.
    pub(super) async fn send_itself(&self, page: &LaunchPage) -> Result<String> {
        let form = Form::first_in(page.html()).ok_or(DemoError::Page("the launch page has no form"))?;
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&form.fields).finish();
        let request = self.http.as_reqwest().post(&form.action).body(body);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        location(&request.send().await.map_err(DemoError::Browser)?)
    }

    /// Opens an address. Returns the text of the page.
    pub(super) async fn open(&self, url: &str) -> Result<String> {
        let answer = self.http.as_reqwest().get(url).send().await.map_err(DemoError::Browser)?;
        let is_page = answer.status().is_success();
        let text = answer.text().await.map_err(DemoError::Browser)?;
        if is_page { Ok(text) } else { Err(DemoError::Page("the module shows an error page")) }
    }
}

/// Where an answer sends the browser.
fn location(answer: &reqwest::Response) -> Result<String> {
    let location = answer.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    location.map(str::to_owned).ok_or(DemoError::Page("the module does not send the browser to the login"))
}

impl Form {
    /// The first form of a page, with its hidden fields. Enough for pages of ours, which are well formed.
    fn first_in(html: &str) -> Option<Self> {
        let form = &html[html.find("<form")?..];
        let form = &form[..form.find("</form>")?];
        let mut tags = form.split('<').skip(1);
        let action = attribute(tags.next()?, "action")?;
        let hidden = tags
            .filter(|tag| tag.starts_with("input ") && attribute(tag, "type").as_deref() == Some("hidden"));
        let fields =
            hidden.filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value")?))).collect();
        Some(Self { action, fields })
    }
}

/// The value of an attribute in quotes.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let value = tag.split_once(&format!(" {name}=\""))?.1.split_once('"')?.0;
    // The ampersand last, so that `&amp;lt;` is `&lt;`.
    let marks =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&#x27;", "'"), ("&amp;", "&")];
    Some(marks.iter().fold(value.to_owned(), |value, (escaped, mark)| value.replace(escaped, mark)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hidden_fields_of_the_first_form_are_read() {
        let page = r#"<p>x</p><form method="post" action="https://m.example/launch?a=1&amp;b=2">
            <input type="hidden" name="launch" value="a.b.c"><input type="text" name="q" value="1">
            <input type="hidden" name="iss" value="&quot;x&quot; &amp;lt;"></form><form action="other"></form>"#;
        let expected = Form {
            action: "https://m.example/launch?a=1&b=2".to_owned(),
            fields: vec![
                ("launch".to_owned(), "a.b.c".to_owned()),
                ("iss".to_owned(), "\"x\" &lt;".to_owned()),
            ],
        };
        assert_eq!(Form::first_in(page), Some(expected));
        assert_eq!(Form::first_in("<p>no form</p>"), None);
    }
}
