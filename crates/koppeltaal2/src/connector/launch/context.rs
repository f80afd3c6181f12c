//! [`LaunchContext`]: what a module knows after a launch.

use std::fmt;

use koppeltaal_smart::{AccessToken, HtiClaims, IdToken, LaunchResult};

use crate::connector::trace::Trace;

/// Who was launched to do what: references, which the module reads with its own access token. `Debug` shows
/// nothing of people.
#[derive(Clone)]
#[non_exhaustive]
pub struct LaunchContext {
    /// The Task, `Task/<id>`.
    pub task: String,
    /// The user, `Patient/<id>`, `Practitioner/<id>` or `RelatedPerson/<id>`.
    pub user: String,
    /// The patient that the Task is for. The same as the user, when a patient was launched.
    pub patient: Option<String>,
    /// The definition, `ActivityDefinition/<id>`.
    pub definition: Option<String>,
    /// What the user is to do.
    pub intent: Option<String>,
    /// The trace id of the launch. A connector [with this trace](crate::Connector::with_trace) adds its
    /// requests to the chain of the launch.
    pub trace: Trace,
    /// Who the user is, as the authorization service signed it, after a login at an identity provider.
    pub id_token: Option<IdToken>,
    /// A token with the user's rights, from a server that gives one. Koppeltaal plans this.
    pub user_token: Option<AccessToken>,
}

impl LaunchContext {
    /// From the claims of an HTI token that the domain found good.
    pub(crate) fn from_claims(claims: HtiClaims) -> Self {
        let trace = Trace::with_id(&claims.jti);
        let patient = claims.patient.or_else(|| patient(&claims.subject));
        Self {
            task: claims.resource,
            user: claims.subject,
            patient,
            definition: claims.definition,
            intent: claims.intent,
            trace,
            id_token: None,
            user_token: None,
        }
    }

    /// From the reply of the token endpoint; the name of what it lacks, if it lacks something.
    pub(crate) fn from_result(result: LaunchResult, trace: Trace) -> Result<Self, &'static str> {
        let context = result.context;
        let user =
            context.subject.or_else(|| result.id_token.as_ref().map(|token| token.subject().to_owned()));
        let user = user.ok_or("sub")?;
        Ok(Self {
            task: context.resource.ok_or("resource")?,
            patient: context.patient.or_else(|| patient(&user)),
            user,
            definition: context.definition,
            intent: context.intent,
            trace,
            id_token: result.id_token,
            user_token: result.user_token,
        })
    }
}

/// The user, if that is a patient.
fn patient(user: &str) -> Option<String> {
    user.starts_with("Patient/").then(|| user.to_owned())
}

impl fmt::Debug for LaunchContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LaunchContext").field("trace", &self.trace).finish_non_exhaustive()
    }
}
