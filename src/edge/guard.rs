//! The allow-list: which paths of the gateway the world may reach. Pure.
//!
//! A path is judged as the most generous server behind us could read it: percent-decoded, backslashes
//! taken for slashes, dot segments removed, double slashes folded. What cannot be read in one way only
//! (encodings within encodings, `..;` segments, control characters, broken UTF-8) is nobody's path.

use std::borrow::Cow;

use super::path::{Path, SPELT, canonical, encode};

/// The paths that pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowList {
    rules: Vec<Rule>,
    /// Where MCP is served: these, and all below them, are what the key is for.
    mcp: Vec<Vec<Part>>,
    never: [Vec<Part>; 4],
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    parts: Vec<Part>,
    below: Below,
}

/// A segment of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Is(String),
    /// Any one.
    Any,
}

/// What of the paths below a rule's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Below {
    Too,
    Only,
    Not,
}

/// How a path passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission<'a> {
    /// As it came; or, where it was spelt in a roundabout way, straight, which is what it was judged by.
    pub path: Cow<'a, str>,
    /// Does it lead to MCP servers, however it is read?
    pub mcp: bool,
}

impl AllowList {
    /// Where the gateways of all eras serve MCP.
    const MCP: [&'static str; 2] = ["/api/mcp", "/mcp"];

    /// OAuth callback and discovery, health (DESIGN section 3.5, FACTS on the gateway); of `/api/auth`,
    /// which also signs strangers up, MCP's own part and the callbacks alone.
    const ALWAYS: [(&'static str, Below); 6] = [
        ("/api/oauth", Below::Too),
        ("/.well-known", Below::Too),
        ("/health", Below::Too),
        ("/api/health", Below::Too),
        ("/api/auth/mcp", Below::Only),
        ("/api/auth/callback", Below::Only),
    ];

    /// Where strangers make themselves accounts, and administrators work. Open only to who is told so by name.
    const NEVER: [&'static str; 4] = ["/api/auth/sign-up", "/api/auth/admin", "/api/admin", "/admin"];

    /// What a login page of the gateway's frontend calls.
    const LOGIN: [&'static str; 4] =
        ["/api/auth/sign-in", "/api/auth/sign-out", "/api/auth/get-session", "/api/auth/oauth2"];

    /// The default list, the gateway's MCP and health paths, and what the user allows. `mcp_path` is the
    /// session's, made from `template`, which stands for every other profile where that opens nothing else.
    pub fn new(mcp_path: &str, template: &str, health: Option<&str>, allow: &[String]) -> Self {
        let mut list = Self { rules: vec![], mcp: vec![], never: Self::NEVER.map(literal) };
        Self::ALWAYS.iter().for_each(|(path, below)| list.add(literal(path), *below));
        Self::MCP.iter().for_each(|path| list.add_mcp(literal(path)));
        list.add_mcp(literal(mcp_path));
        profiles(template).into_iter().for_each(|path| list.add_mcp(path));
        health.into_iter().for_each(|path| list.add(literal(path), Below::Not));
        allow.iter().for_each(|path| list.add(literal(path), Below::Too));
        list
    }

    /// Adds one path that the gateway's own OAuth metadata names, and nothing below it.
    pub fn add_endpoint(&mut self, path: &str) {
        let named = canonical(path).map_or(vec![], |path| path.segments);
        if !self.never.iter().any(|never| may_be_below(&named, never)) {
            self.add(literal(path), Below::Not);
        }
    }

    /// Adds what a login page calls.
    pub fn add_login(&mut self) {
        Self::LOGIN.iter().for_each(|path| self.add(literal(path), Below::Too));
    }

    /// The path under which a request goes to the web frontend: one that cannot be meant for the gateway, which
    /// some frontends pass on to it, however it is read.
    pub fn judge_for_frontend<'a>(&self, path: &'a str) -> Result<Cow<'a, str>, &'static str> {
        const GATEWAYS: [&str; 6] = ["api", "mcp", ".well-known", "health", "admin", "k"];
        let Path { segments, plain, .. } = canonical(path)?;
        let lower = path.to_ascii_lowercase();
        if lower.contains("%2f") || lower.contains("%5c") {
            return Err("an encoded slash");
        }
        let mcp = self.mcp.iter().filter_map(|parts| parts.first());
        let firsts = mcp.filter_map(|part| match part {
            Part::Is(name) => Some(name.as_str()),
            Part::Any => None,
        });
        let is = |segment: &str, name: &str| may_be_below(&[segment.into()], &[Part::Is(name.into())]);
        let first = segments.first().map_or("", AsRef::as_ref);
        match GATEWAYS.into_iter().chain(firsts).any(|name| is(first, name)) {
            true => Err("not on the allow-list"),
            false if plain => Ok(path.into()),
            false => Ok(encode(&segments, path.ends_with('/')).into()),
        }
    }

    fn add(&mut self, parts: Vec<Part>, below: Below) {
        let rule = Rule { parts, below };
        if !rule.parts.is_empty() && !self.rules.contains(&rule) {
            self.rules.push(rule);
        }
    }

    fn add_mcp(&mut self, parts: Vec<Part>) {
        self.add(parts.clone(), Below::Too);
        if !parts.is_empty() && !self.mcp.contains(&parts) {
            self.mcp.push(parts);
        }
    }

    /// Judges a request's path (without its query). An error says why it does not pass.
    pub fn judge<'a>(&self, path: &'a str) -> Result<Admission<'a>, &'static str> {
        let Path { segments, literal, plain } = canonical(path)?;
        // A wider rule does not open what is below it and never open.
        let least = self.never.iter().filter(|never| may_be_below(&segments, never)).map(Vec::len).max();
        let far_enough = |rule: &&Rule| rule.parts.len() >= least.unwrap_or(0);
        if !self.rules.iter().filter(far_enough).any(|rule| rule.admits(&segments, literal)) {
            return Err("not on the allow-list");
        }
        let mcp = self.mcp.iter().any(|parts| may_be_below(&segments, parts));
        let path = if plain { path.into() } else { encode(&segments, path.ends_with('/')).into() };
        Ok(Admission { path, mcp })
    }
}

impl Rule {
    /// The rule's own segments must be written as they are: to a router that does not decode before it
    /// matches, `/api/mcp%2fx` is `/api/:name`, and `/%61pi/mcp` is `/:name/mcp`.
    fn admits(&self, segments: &[Cow<'_, str>], literal: usize) -> bool {
        let spelt = |part: &Part| match part {
            Part::Is(segment) => segment.bytes().all(|byte| SPELT.contains(&byte)),
            Part::Any => true,
        };
        let written = || literal > self.parts.len() || !self.parts.iter().all(spelt);
        starts_with(segments, &self.parts, |segment, wanted| segment == wanted)
            && written()
            && match self.below {
                Below::Too => true,
                Below::Only => segments.len() > self.parts.len(),
                Below::Not => segments.len() == self.parts.len(),
            }
    }
}

/// A key is asked for as generously as some server may read a path: in whatever case (Express), and
/// without what follows a semicolon (Java).
fn may_be_below(segments: &[Cow<'_, str>], parts: &[Part]) -> bool {
    starts_with(segments, parts, |segment, wanted| {
        let name = segment.split(';').next().unwrap_or_default();
        name.trim().eq_ignore_ascii_case(wanted)
    })
}

fn starts_with(segments: &[Cow<'_, str>], parts: &[Part], same: impl Fn(&str, &str) -> bool) -> bool {
    segments.len() >= parts.len()
        && parts.iter().zip(segments).all(|(part, segment)| match part {
            Part::Is(wanted) => same(segment, wanted),
            Part::Any => true,
        })
}

fn literal(path: &str) -> Vec<Part> {
    canonical(path)
        .map_or(vec![], |path| path.segments.into_iter().map(|part| Part::Is(part.into_owned())).collect())
}

/// The template's paths for any profile, and for any ORG/PROFILE. None where they could be something else
/// than MCP: `/api/{profile}` is also the gateway's own API.
fn profiles(template: &str) -> Vec<Vec<Part>> {
    let segments: Vec<&str> = template.split('/').filter(|segment| !segment.is_empty()).collect();
    let (before, after) = match segments.iter().position(|segment| *segment == "{profile}") {
        Some(at) => (&segments[..at], &segments[at + 1..]),
        None => return vec![],
    };
    let plain = |part: &&str| part.bytes().all(|byte| SPELT.contains(&byte));
    let says_mcp = |part: &&str| part.to_ascii_lowercase().contains("mcp");
    let mut rest = before.iter().chain(after);
    if !rest.clone().all(plain) || !rest.any(says_mcp) {
        return vec![];
    }
    let is = |part: &&str| Part::Is((*part).to_string());
    let path = |profile: &[Part]| {
        before.iter().map(is).chain(profile.iter().cloned()).chain(after.iter().map(is)).collect()
    };
    vec![path(&[Part::Any]), path(&[Part::Any, Part::Any])]
}

#[cfg(test)]
mod tests {
    use super::*;
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    fn list() -> AllowList {
        let mut list =
            AllowList::new("/gw/default/mcp", "/gw/{profile}/mcp", Some("/status"), &["/extra".into()]);
        list.add_endpoint("/api/auth/jwks");
        list
    }

    fn passes(path: &str) -> bool {
        list().judge(path).is_ok()
    }

    #[test]
    fn what_clients_need_passes_untouched() {
        for path in [
            "/api/mcp/default",
            "/api/mcp/ORG/team",
            "/mcp",
            "/mcp/",
            "/api/oauth/callback",
            "/health",
            "/api/health/ready",
            "/.well-known/oauth-protected-resource/api/mcp/default",
            "/api/auth/mcp/token",
            "/api/auth/callback/github",
            "/status",
            "/extra/deep",
            "/api/auth/jwks",
            "/api/mcp/a%20b",
            "/api/mcp/caf%C3%A9",
            "/api/mcp/org%2Fteam",
        ] {
            assert_eq!(list().judge(path).unwrap().path, Cow::Borrowed(path));
        }
    }

    #[test]
    fn everything_else_is_refused_in_every_spelling() {
        for path in [
            "/",
            "/admin",
            "/api",
            "/api/",
            "/api/profiles",
            "/api/mcpx",
            "/mcpx",
            "/apimcp",
            "/healthz",
            "/status/x",
            "/api/auth",
            "/api/auth/sign-up/email",
            "/api/auth/sign-in",
            "/api/auth/mcp",
            "/api/auth/callback",
            "/api/auth/jwks/x",
            "/api/mcp/../profiles",
            "/api/mcp/%2e%2e/profiles",
            "/api/mcp/%2E%2E/profiles",
            "/api/mcp/..%2fprofiles",
            "/api/mcp%2f..%2fprofiles",
            "/api/mcp/..\\profiles",
            "/api/mcp/..%5cprofiles",
            "/api/mcp/%252e%252e/profiles",
            "/api/mcp/.%2e/profiles",
            "/api/mcp/x/../../profiles",
            "/api/mcp/..;/profiles",
            "/api/mcp/..;x=1/profiles",
            "/api/auth/mcp/../sign-up/email",
            "/api/auth/callback/%2e%2e/sign-up/email",
            "//api/profiles",
            "/./api/profiles",
            "/api//profiles",
            "/api/mcp/..//profiles",
            "/../api/mcp",
            "/api/mcp/%00",
            "/api/mcp/%0d%0aX",
            "/api/mcp/%zz",
            "/api/mcp/%",
            "/api/mcp/%ff",
            "/API/profiles",
            "*",
            "",
            "api/mcp",
            "/api/mcp/%c0%ae%c0%ae/profiles",
            "/mcp/%2e%2e%2fadmin",
            "/%61dmin",
            "/.well-known/../admin",
            "/api/mcp%2fx",
            "/api%2fmcp",
            "/%61pi/mcp/default",
            "/api/%6dcp",
            "/api/auth%2fmcp%2fx",
        ] {
            assert!(!passes(path), "{path}");
        }
    }

    #[test]
    fn mcp_is_served_under_any_profile_and_only_where_the_template_says_mcp() {
        let list = list();
        for path in ["/gw/other/mcp", "/gw/org/team/mcp", "/gw/other/mcp/x", "/api/mcp/a/b", "/mcp", "/mcp/x"]
        {
            assert!(list.judge(path).unwrap().mcp, "{path}");
        }
        for path in ["/gw/other/admin", "/gw/a/b/c/mcp", "/gw/mcp"] {
            assert!(list.judge(path).is_err(), "{path}");
        }
        for template in ["/{profile}", "/api/{profile}", "/x-{profile}/mcp", "/api/{{profile}}/mcp"] {
            assert_eq!(profiles(template), [] as [Vec<Part>; 0], "{template}");
        }
        for path in ["/health", "/api/oauth/callback", "/.well-known/x", "/status", "/extra/x"] {
            assert!(!list.judge(path).unwrap().mcp, "{path}");
        }
    }

    #[test]
    fn a_wider_path_that_the_user_allows_takes_the_key_from_no_mcp_path() {
        let list = AllowList::new("/api/mcp/default", "/api/mcp/{profile}", None, &["/api".into()]);
        for path in
            ["/api/mcp/x", "/api/MCP/x", "/api/mcp%2fx", "/api/%6dcp/x", "/api/mcp;a=1/x", "/api//mcp/x"]
        {
            assert!(list.judge(path).unwrap().mcp, "{path}");
        }
        assert!(!list.judge("/api/profiles").unwrap().mcp);
    }

    #[test]
    fn sign_up_and_admin_open_to_who_names_them_alone() {
        let mut list = AllowList::new("/mcp", "/mcp", None, &["/api".into(), "/api/auth/admin/x".into()]);
        list.add_endpoint("/api/auth/sign-up/email");
        list.add_login();
        for path in [
            "/api/auth/sign-up/email",
            "/api/auth/SIGN-UP/email",
            "/api/auth/admin",
            "/api/admin/x",
            "/admin",
        ] {
            assert!(list.judge(path).is_err(), "{path}");
        }
        for path in ["/api/auth/admin/x", "/api/auth/sign-in/email", "/api/auth/get-session", "/api/profiles"]
        {
            assert!(list.judge(path).is_ok(), "{path}");
        }
    }

    #[test]
    fn the_frontend_gets_what_cannot_be_the_gateways() {
        let list = list();
        for path in ["/", "/login", "/login?x", "/_next/static/a.js", "/assets/a%20b", "/x/../login"] {
            assert!(list.judge_for_frontend(path).is_ok(), "{path}");
        }
        for path in [
            "/api",
            "/API/auth/sign-up",
            "/api;x/y",
            "/x/../api/auth/sign-up/email",
            "/x/%2e%2e/api",
            "//api/x",
            "/x%2f..%2fapi",
            "/\\api",
            "/admin",
            "/Admin/users",
            "/mcp/x",
            "/.well-known/x",
            "/health",
            "/gw/x",
            "/k/x",
            "/%61pi/x",
            "/x%5cy",
            "/%00",
        ] {
            assert!(list.judge_for_frontend(path).is_err(), "{path}");
        }
    }

    #[test]
    fn a_roundabout_spelling_of_an_allowed_path_is_passed_on_straight() {
        for (path, straight) in [
            ("/x/../api/mcp/default", "/api/mcp/default"),
            ("//api//mcp/default", "/api/mcp/default"),
            ("/api/./mcp/./a%20b/", "/api/mcp/a%20b/"),
            ("/api\\mcp\\default", "/api/mcp/default"),
        ] {
            assert_eq!(list().judge(path).unwrap().path, Cow::<str>::Owned(straight.into()), "{path}");
        }
    }

    /// Every way servers are known to read a path: decoded or not, dots resolved before or after.
    fn readings(path: &str) -> Vec<Vec<String>> {
        let mut texts = vec![path.to_string()];
        for _ in 0..3 {
            let last = texts[texts.len() - 1].clone();
            texts.push(percent_decode_str(&last).decode_utf8_lossy().into_owned());
        }
        texts.iter().flat_map(|text| [resolve(text, false), resolve(text, true)]).collect()
    }

    fn resolve(path: &str, parameters: bool) -> Vec<String> {
        let mut segments = vec![];
        for part in path.split(['/', '\\']) {
            match if parameters { part.split(';').next().unwrap_or("") } else { part } {
                "" | "." => {}
                ".." => drop(segments.pop()),
                part => segments.push(part.to_lowercase()),
            }
        }
        segments
    }

    proptest! {
        #[test]
        fn what_passes_is_below_an_allowed_path_however_it_is_read(
            parts in proptest::collection::vec(prop_oneof![
                Just("/"), Just("//"), Just("\\"), Just("%2f"), Just("%5c"), Just("."), Just(".."), Just("%2e"), Just("%2E%2e"),
                Just("%252e"), Just("%25"), Just(";"), Just("api"), Just("mcp"), Just("auth"), Just("admin"), Just("callback"),
                Just("%61"), Just("%00"), Just("%c0%ae"), Just("health")
            ], 0..14),
        ) {
            let path = format!("/{}", parts.concat());
            let Ok(Admission { path: sent, mcp }) = list().judge(&path) else { return Ok(()) };
            for reading in readings(&sent) {
                let joined = format!("/{}/", reading.join("/"));
                // An undecoded reading names no route of any gateway; every other must be on the list.
                prop_assert!(
                    joined.contains('%') || passes(&joined),
                    "{path} was sent as {sent} and may be read as {joined}"
                );
                let read = list().judge(&joined).is_ok_and(|read| read.mcp);
                prop_assert!(mcp || !read, "{path} needs no key, and may be read as {joined}, which does");
            }
        }
    }
}
