//! Whose name visitors come under. The edge listens on loopback, where every page in this machine's browsers
//! can reach it: with DNS rebinding under the page's own name, and without under ours, from an origin of the
//! page's. Both are refused. Pure.

use url::{Host, Url};

use crate::loopback::is_host;

/// The names that are served.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    /// The host of the public address, once it is known.
    public: Option<String>,
    /// `http` or `https`, as visitors see it.
    scheme: Option<&'static str>,
    /// The header in which the tunnel's cloud names visitors' addresses: of no other is a word believed.
    told_in: Option<&'static str>,
    /// Those that the user admits.
    allowed: Vec<String>,
    /// What our own probes arrived under: some tunnels put a name of their own in the visitor's place.
    proven: Vec<String>,
    /// The edge's port.
    port: u16,
    /// Nothing proves how a tunnel of somebody else's names us: any name will do that no page could have.
    lenient: bool,
}

/// Why a visit is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stranger {
    /// It came under a name that is not served.
    Host,
    /// A page of somebody else's sent it.
    Origin,
}

impl Names {
    /// So many names our probes may have arrived under.
    const MOST_PROVEN: usize = 4;

    pub(super) fn new(port: u16, allowed: &[String], lenient: bool) -> Self {
        let allowed = allowed.iter().map(|name| bare(name)).collect();
        Self { allowed, port, lenient, ..Self::default() }
    }

    /// The public address is this one, behind a cloud that names visitors in that header.
    pub(super) fn set_public(&mut self, url: &Url, told_in: Option<&'static str>) {
        self.told_in = told_in;
        self.public = url.host_str().map(bare);
        self.scheme = Some(if url.scheme() == "https" { "https" } else { "http" });
    }

    /// `http` or `https`, as visitors see it.
    pub(super) fn scheme(&self) -> &'static str {
        self.scheme.unwrap_or("https")
    }

    /// Where the tunnel's cloud names visitors.
    pub(super) fn told_in(&self) -> Option<&'static str> {
        self.told_in
    }

    /// A probe, which only we can send, arrived under this name.
    pub(super) fn prove(&mut self, authority: &str) {
        let name = bare(authority);
        if !self.knows(&name) && !is_host(&name) {
            self.proven.truncate(Self::MOST_PROVEN - 1);
            self.proven.insert(0, name);
        }
    }

    /// May a request for `authority` (`HOST[:PORT]`) that a page of `origin` sent, if a page did, go on?
    /// `None` while nobody knows yet.
    pub(super) fn admits(&self, authority: &str, origin: Option<&str>) -> Option<Result<(), Stranger>> {
        let name = bare(authority);
        if is_host(&name) {
            // Whoever comes by one of these comes from this machine, and so does every page in its browsers.
            return Some(if self.is_ours(origin) { Ok(()) } else { Err(Stranger::Origin) });
        }
        if self.knows(&name) || (self.lenient && !self.could_be_a_pages(authority)) {
            return Some(Ok(()));
        }
        self.public.is_some().then_some(Err(Stranger::Host))
    }

    fn knows(&self, name: &str) -> bool {
        self.public.as_deref() == Some(name) || self.allowed.iter().chain(&self.proven).any(|one| one == name)
    }

    /// A page that reached us by rebinding names our port.
    fn could_be_a_pages(&self, authority: &str) -> bool {
        let port = authority.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        port.map_or(matches!(self.port, 80 | 443), |port: u16| port == self.port)
    }

    /// Programs send none; pages on this machine and of the public address are the user's own; what is not
    /// of the web (`vscode-file://`, `app://`) no web page can claim.
    fn is_ours(&self, origin: Option<&str>) -> bool {
        let Some(origin) = origin else { return true };
        let Ok(origin) = Url::parse(origin) else { return false };
        match (origin.scheme(), origin.host()) {
            ("http" | "https", Some(Host::Domain(name))) => {
                let name = bare(name);
                is_host(&name) || self.knows(&name)
            }
            ("http" | "https", Some(Host::Ipv4(address))) => address.is_loopback(),
            ("http" | "https", Some(Host::Ipv6(address))) => address.is_loopback(),
            // No browser sends the others for a page of the web, but nobody needs to rely on that.
            (
                "http" | "https" | "ws" | "wss" | "ftp" | "file" | "data" | "blob" | "about" | "javascript",
                _,
            ) => false,
            _ => true,
        }
    }
}

/// A host without its port, a dot at the end, and capitals.
fn bare(authority: &str) -> String {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if !authority.ends_with(']') && port.bytes().all(|byte| byte.is_ascii_digit()) => {
            host
        }
        _ => authority,
    };
    host.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let mut names = Names::new(3002, &["Second.example".into()], false);
        names.set_public(&Url::parse("https://x.loca.lt").unwrap(), None);
        names
    }

    #[test]
    fn visitors_come_under_the_public_name_or_from_this_machine() {
        for host in [
            "x.loca.lt",
            "X.LOCA.LT:443",
            "x.loca.lt.",
            "second.example",
            "localhost",
            "localhost:3002",
            "a.localhost",
            "127.0.0.1:3002",
            "[::1]:3002",
            "[::1]",
        ] {
            assert_eq!(names().admits(host, None), Some(Ok(())), "{host}");
        }
        for host in
            ["evil.example", "evil.example:3002", "xx.loca.lt", "x.loca.lt.evil.example", "10.0.0.1", "[::2]"]
        {
            assert_eq!(names().admits(host, None), Some(Err(Stranger::Host)), "{host}");
        }
    }

    #[test]
    fn a_page_of_somebody_elses_does_not_reach_us_on_this_machine() {
        for origin in [
            "https://evil.example",
            "http://evil.example:3002",
            "null",
            "file://",
            "ws://evil.example",
            "wss://localhost:3002",
            "ftp://evil.example",
            "about:blank",
            "blob:https://evil.example/x",
            "https://localhost.evil.example",
            "x",
        ] {
            assert_eq!(
                names().admits("127.0.0.1:3002", Some(origin)),
                Some(Err(Stranger::Origin)),
                "{origin}"
            );
        }
        for origin in [
            "http://localhost:6274",
            "https://x.loca.lt",
            "http://127.0.0.1",
            "http://[::1]:1",
            "vscode-file://vscode-app",
        ] {
            assert_eq!(names().admits("localhost:3002", Some(origin)), Some(Ok(())), "{origin}");
        }
        assert_eq!(
            names().admits("x.loca.lt", Some("https://claude.ai")),
            Some(Ok(())),
            "the public address is public"
        );
    }

    #[test]
    fn the_name_that_a_tunnel_puts_in_the_visitors_place_is_learnt_from_our_own_probe() {
        let mut names = names();
        assert_eq!(names.admits("backend.internal:3002", None), Some(Err(Stranger::Host)));
        names.prove("backend.internal:3002");
        assert_eq!(names.admits("backend.internal:3002", None), Some(Ok(())));
        (0..9).for_each(|n| names.prove(&format!("{n}.internal")));
        assert_eq!(names.proven.len(), Names::MOST_PROVEN);
    }

    #[test]
    fn before_the_address_is_known_nobody_can_tell_and_unproven_tunnels_may_use_any_name_but_a_pages() {
        let unknown = Names::new(3002, &[], false);
        assert_eq!(unknown.admits("evil.example:3002", None), None);
        assert_eq!(unknown.admits("localhost", Some("https://evil.example")), Some(Err(Stranger::Origin)));
        let mut lenient = Names::new(3002, &[], true);
        lenient.set_public(&Url::parse("https://x.ts.net").unwrap(), None);
        assert_eq!(lenient.admits("backend.internal", None), Some(Ok(())));
        assert_eq!(lenient.admits("evil.example:3002", None), Some(Err(Stranger::Host)));
    }
}
