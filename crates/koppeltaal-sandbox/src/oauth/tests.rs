//! Which launches, codes and tokens new ones replace, and which they do not. Without HTTP and without
//! waiting.

use super::*;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

struct World {
    grants: Grants,
    now: Timestamp,
}

impl World {
    fn new(grant_bytes: usize) -> Self {
        let application = |name: &str| Application::new(name).secret("s").refresh_tokens(true);
        let mut config =
            SandboxConfig::default().application(application("game")).application(application("diary"));
        config.limits.grant_bytes = grant_bytes;
        config.lifetimes.refresh = DAY;
        Self { grants: Grants::new(&config), now: Timestamp::from_unix(Duration::from_secs(1_600_000_000)) }
    }

    fn context(client: &str, user: &str) -> Context {
        Context {
            client: client.to_owned(),
            domain: "Zonnedauw".to_owned(),
            patient: "https://epd.example/Patient/1".to_owned(),
            user: user.to_owned(),
            resource: None,
            intent: None,
        }
    }

    fn client(name: &str) -> Client {
        Client { identifier: None, credentials: Some((name.to_owned(), "s".to_owned())) }
    }

    /// From a mobile launch to tokens.
    fn tokens(&mut self, client: &str, scope: &str) -> Tokens {
        let fresh = &mut Uuid::new_v4;
        let code = self.grants.activation(Self::context(client, "u"), fresh, self.now).expect("room");
        let request = AuthorizationRequest {
            client: client.to_owned(),
            redirect_uri: None,
            scope: format!("{scope} launch:{code}"),
            challenge: None,
        };
        let Ok(Authorization::Code(code)) = self.grants.authorize(request, fresh, self.now) else {
            panic!("no code")
        };
        let redeemed = self.grants.redeem(&Self::client(client), &code, None, None, fresh, self.now);
        redeemed.unwrap_or_else(|error| panic!("{error:?}"))
    }

    fn refresh(&mut self, client: &str, token: &str) -> Result<Tokens, OAuthError> {
        self.grants.refresh(&Self::client(client), token, &mut Uuid::new_v4, self.now)
    }

    fn is_good(&self, tokens: &Tokens) -> bool {
        self.grants.session(&tokens.access, self.now).is_some()
    }
}

#[test]
fn a_client_pushes_out_no_tokens_of_another() {
    let mut world = World::new(1 << 20);
    let theirs = world.tokens("diary", "a");
    let first = world.tokens("game", "a");
    for _ in 0..1000 {
        world.now = world.now.after(Duration::from_secs(1));
        world.tokens("game", &"x".repeat(4000));
    }
    let last = world.tokens("game", "a");
    assert!(world.is_good(&theirs) && world.is_good(&last) && !world.is_good(&first));
    let mut latest = last.refresh.expect("a refresh token");
    for _ in 0..1000 {
        latest = world.refresh("game", &latest).expect("tokens").refresh.expect("a refresh token");
    }
    world.refresh("diary", &theirs.refresh.expect("a refresh token")).expect("tokens");
}

#[test]
fn a_used_refresh_token_is_remembered_until_it_would_have_expired() {
    let mut world = World::new(1 << 20);
    let first = world.tokens("game", "a").refresh.expect("a refresh token");
    world.now = world.now.after(DAY / 2);
    let second = world.refresh("game", &first).expect("tokens").refresh.expect("a refresh token");
    world.now = world.now.after(DAY / 2);
    let refusal = world.refresh("game", &first).map(drop).expect_err("refused");
    assert_eq!(refusal.description, "the refresh token is not known or has expired");
    // An unknown token ends nothing.
    world.refresh("game", &second).expect("tokens");
}

#[test]
fn a_used_refresh_token_that_is_used_again_ends_its_family() {
    let mut world = World::new(1 << 20);
    let first = world.tokens("game", "a").refresh.expect("a refresh token");
    let other = world.tokens("game", "a");
    let second = world.refresh("game", &first).expect("tokens");
    assert_eq!(
        world.refresh("game", &first).map(drop).expect_err("refused").description,
        "the refresh token was used before"
    );
    assert!(!world.is_good(&second) && world.is_good(&other));
    world.refresh("game", &second.refresh.expect("a refresh token")).map(drop).expect_err("ended");
}

#[test]
fn only_the_last_used_refresh_tokens_of_a_family_are_remembered() {
    let mut world = World::new(1 << 20);
    let mut tokens = vec![world.tokens("game", "a").refresh.expect("a refresh token")];
    for place in 0..15 {
        world.now = world.now.after(Duration::from_secs(1));
        let next = world.refresh("game", &tokens[place]).expect("tokens");
        tokens.push(next.refresh.expect("a refresh token"));
    }
    let remembered = |token: &String| world.grants.refreshes.get(token, world.now).is_some();
    let expected: Vec<bool> = (0..16).map(|place| place >= 5).collect();
    assert_eq!(tokens.iter().map(remembered).collect::<Vec<_>>(), expected);
}

#[test]
fn a_launch_that_is_larger_than_the_share_of_its_client_is_refused() {
    let mut world = World::new(100_000);
    let large = || World::context("game", &"u".repeat(20_000));
    assert_eq!(world.grants.launch(large(), &mut Uuid::new_v4, world.now), Err(LaunchSizeError));
    assert_eq!(world.grants.activation(large(), &mut Uuid::new_v4, world.now), Err(LaunchSizeError));
    let context = World::context("game", &"u".repeat(6000));
    let code = world.grants.activation(context, &mut Uuid::new_v4, world.now).expect("room");
    let request = |scope: &str| AuthorizationRequest {
        client: "game".to_owned(),
        redirect_uri: None,
        scope: format!("{scope} launch:{code}"),
        challenge: None,
    };
    let long = world.grants.authorize(request(&"x".repeat(4000)), &mut Uuid::new_v4, world.now);
    assert_eq!(long.err().map(|error| error.code), Some(Code::InvalidScope));
    // The activation code was not spent.
    assert!(world.grants.authorize(request("x"), &mut Uuid::new_v4, world.now).is_ok());
}
