//! The lock on the MCP paths: which key opens it, and whether one is needed at all. The key is compared in
//! constant time and never shown. Where it lies is looked at again when it is told that the key was replaced, and
//! while visitors come: within a second a rotated key counts anyhow, and nobody has to restart anything.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use hyper::header::{self, HeaderMap};
use subtle::ConstantTimeEq;

use crate::config::Auth;
use crate::state::{Key, read_key};

/// See the module.
#[derive(Debug)]
pub struct Lock {
    auth: Auth,
    /// Does the gateway guard itself, as far as we know? Not before it has been asked.
    guarded: AtomicBool,
    /// The MCP paths at which it was seen to refuse strangers.
    refusing: Mutex<HashSet<String>>,
    kept: Option<Kept>,
}

#[derive(Debug)]
struct Kept {
    file: PathBuf,
    now: Mutex<Now>,
}

#[derive(Debug)]
struct Now {
    key: Key,
    looked: Instant,
    stamp: Option<SystemTime>,
}

/// What a visitor showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    Nothing,
    Wrong,
    Right,
}

impl Lock {
    /// How long a key that was replaced may still open.
    const LOOK: Duration = Duration::from_secs(1);
    /// How often a key that does not fit may be the reason to look: it may be the new one.
    const LOOK_ANEW: Duration = Duration::from_millis(20);

    /// No key is needed.
    pub fn open() -> Self {
        Self { auth: Auth::None, guarded: AtomicBool::default(), refusing: Mutex::default(), kept: None }
    }

    /// `key`, which lies in `file`, is needed: always, with [`Auth::Auto`] unless the gateway guards itself, and
    /// with [`Auth::None`] never, but it is known when somebody shows it.
    pub fn with(auth: Auth, key: Key, file: PathBuf) -> Self {
        let now = Now { key, looked: Instant::now(), stamp: stamp(&file) };
        let kept = Some(Kept { file, now: Mutex::new(now) });
        Self { auth, guarded: AtomicBool::default(), refusing: Mutex::default(), kept }
    }

    /// The gateway was asked.
    pub(super) fn set_guarded(&self, guarded: bool) {
        self.guarded.store(guarded, Ordering::Relaxed);
        if let Ok(mut refusing) = self.refusing.lock() {
            refusing.clear();
        }
    }

    /// Is it the gateway's business alone to refuse strangers at this path? Not before it was seen to: a
    /// gateway may guard one profile and leave another open.
    pub(super) fn must_ask_at(&self, path: &str) -> bool {
        let relies = self.auth == Auth::Auto && !self.is_shut();
        relies && !self.refusing.lock().is_ok_and(|refusing| refusing.contains(path))
    }

    /// The gateway refuses strangers at this path.
    pub(super) fn saw_refusal_at(&self, path: &str) {
        /// Beyond that, visitors think them up.
        const MOST: usize = 256;
        if let Ok(mut refusing) = self.refusing.lock()
            && refusing.len() < MOST
        {
            refusing.insert(path.into());
        }
    }

    /// Does everybody get in, whatever they show?
    pub(super) fn is_open(&self) -> bool {
        self.auth == Auth::None
    }

    /// A path as a log may hold it.
    pub(super) fn redact<'a>(&self, path: &'a str) -> Cow<'a, str> {
        let shown = redact(path);
        let Some(now) = self.kept.as_ref().and_then(|kept| kept.now.lock().ok()) else { return shown };
        let key = now.key.reveal();
        // The key at the wrong place of a path, say.
        if shown.contains(key) {
            return shown.replace(key, "***").into();
        }
        let decoded = percent_encoding::percent_decode_str(&shown).decode_utf8_lossy();
        if decoded.contains(key) { decoded.replace(key, "***").into() } else { shown }
    }

    /// For a visitor who has shown the key: takes out the other headers that hold it too, and says whether the
    /// address does. Not for others: what became of their guesses would tell them about many at once.
    pub(super) fn takes_key_out(&self, headers: &mut HeaderMap, target: &str) -> bool {
        let Some(now) = self.kept.as_ref().and_then(|kept| kept.now.lock().ok()) else { return false };
        let key = now.key.reveal().as_bytes();
        // Most requests hold nothing that is long enough, and are not searched.
        let holds = |text: &[u8]| text.len() >= key.len() && memchr::memmem::find(text, key).is_some();
        while let Some(name) =
            headers.iter().find_map(|(name, value)| holds(value.as_bytes()).then_some(name))
        {
            let name = name.clone();
            headers.remove(name);
        }
        holds(target.as_bytes())
    }

    /// Somebody says that the key was replaced.
    pub(super) fn look_anew(&self) {
        let Some(kept) = &self.kept else { return };
        if let Ok(mut now) = kept.now.lock() {
            // Two changes may share a time stamp.
            now.stamp = None;
            now.look(&kept.file, Duration::ZERO);
        }
    }

    /// Is a key needed, as far as is known now?
    pub(super) fn is_shut(&self) -> bool {
        self.asks_for_a_key(self.guarded.load(Ordering::Relaxed))
    }

    /// Is a key needed in front of a gateway that guards itself, or does not?
    pub(super) fn asks_for_a_key(&self, guarded: bool) -> bool {
        match self.auth {
            Auth::None => false,
            Auth::Key => true,
            Auth::Auto => !guarded,
        }
    }

    /// What `Authorization` shows. Several of them show nothing: who reads them would choose one.
    pub(super) fn try_header(&self, headers: &HeaderMap) -> Shown {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return Shown::Nothing };
        let value = value.as_bytes();
        match value.split_at_checked(7) {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"bearer ") => {
                self.verdict(token.trim_ascii())
            }
            _ => Shown::Nothing,
        }
    }

    /// What a path shows that begins with `/k/KEY/`, and the path behind it. `None` where it does not.
    /// Metadata of a path that has a key in front (RFC 9728 section 3.1: `/.well-known/NAME` goes before
    /// it) shows it too.
    pub(super) fn try_path(&self, path: &str) -> Option<(Shown, String)> {
        let (before, after) = match path.strip_prefix("/k/") {
            Some(after) => ("", after),
            None => path
                .strip_prefix("/.well-known/")
                .and_then(|rest| rest.split_once('/'))
                .and_then(|(name, rest)| Some((&path[..13 + name.len()], rest.strip_prefix("k/")?)))?,
        };
        let (offered, rest) = after.split_once('/').unwrap_or((after, ""));
        Some((self.verdict(offered.as_bytes()), format!("{before}/{rest}")))
    }

    fn verdict(&self, offered: &[u8]) -> Shown {
        let fits = self.kept.as_ref().is_some_and(|kept| kept.fits(offered));
        if fits { Shown::Right } else { Shown::Wrong }
    }
}

impl Kept {
    fn fits(&self, offered: &[u8]) -> bool {
        let Ok(mut now) = self.now.lock() else { return false };
        now.look(&self.file, Lock::LOOK);
        now.is(offered) || now.look(&self.file, Lock::LOOK_ANEW) && now.is(offered)
    }
}

impl Now {
    fn is(&self, offered: &[u8]) -> bool {
        self.key.reveal().as_bytes().ct_eq(offered).into()
    }

    /// Looks whether the key was replaced, unless that was done just now. True when it was.
    fn look(&mut self, file: &Path, pause: Duration) -> bool {
        if self.looked.elapsed() < pause {
            return false;
        }
        self.looked = Instant::now();
        let stamp = stamp(file);
        if stamp == self.stamp {
            return false;
        }
        // A file that is gone or broken changes nothing: it would shut everybody out.
        let Ok(Some(key)) = read_key(file) else { return false };
        self.key = key;
        self.stamp = stamp;
        true
    }
}

fn stamp(file: &Path) -> Option<SystemTime> {
    fs::metadata(file).and_then(|meta| meta.modified()).ok()
}

/// A path as a log may hold it: what stands where keys stand is not shown, right or wrong, however spelt.
fn redact(path: &str) -> Cow<'_, str> {
    let decoded = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
    let Some(at) = decoded.split(['/', '\\']).position(|part| part.eq_ignore_ascii_case("k")) else {
        return path.into();
    };
    let mut parts: Vec<&str> = decoded.split(['/', '\\']).collect();
    match parts[at + 1..].iter_mut().find(|part| !matches!(**part, "" | "." | "..")) {
        Some(key) => *key = "***",
        None => return path.into(),
    }
    parts.join("/").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    const KEY: &str = "0123456789abcdef0123456789abcdef";

    fn lock(auth: Auth) -> (tempfile::TempDir, Lock) {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("x.key");
        fs::write(&file, KEY).unwrap();
        (home, Lock::with(auth, Key::parse(KEY).unwrap(), file))
    }

    fn headers(values: &[&str]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for value in values {
            map.append(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        map
    }

    #[test]
    fn until_the_gateway_has_been_asked_a_key_is_needed() {
        let (_home, lock) = lock(Auth::Auto);
        assert!(lock.is_shut());
        lock.set_guarded(true);
        assert!(!lock.is_shut());
        lock.set_guarded(false);
        assert!(lock.is_shut());
    }

    #[test]
    fn key_means_always_and_none_means_never() {
        let (_home, lock) = lock(Auth::Key);
        lock.set_guarded(true);
        assert!(lock.is_shut() && !Lock::open().is_shut());
        assert_eq!(Lock::open().try_header(&headers(&["Bearer "])), Shown::Wrong, "nobody's key is a key");
    }

    #[test]
    fn the_key_comes_as_one_bearer_token() {
        let (_home, lock) = lock(Auth::Auto);
        let (short, long, upper) = (&KEY[1..], format!("{KEY}0"), KEY.to_uppercase());
        for (values, shown) in [
            ("", Shown::Nothing),
            (&format!("Bearer {KEY}"), Shown::Right),
            (&format!("bEARER   {KEY} "), Shown::Right),
            (&format!("Basic {KEY}"), Shown::Nothing),
            (KEY, Shown::Nothing),
            ("Bearer", Shown::Nothing),
            ("Bearer ", Shown::Wrong),
            (&format!("Bearer {short}"), Shown::Wrong),
            (&format!("Bearer {long}"), Shown::Wrong),
            (&format!("Bearer {upper}"), Shown::Wrong),
            (&format!("Bearer {KEY}|Bearer {KEY}"), Shown::Nothing),
        ] {
            let values: Vec<&str> = values.split('|').filter(|value| !value.is_empty()).collect();
            assert_eq!(lock.try_header(&headers(&values)), shown, "{values:?}");
        }
    }

    #[test]
    fn the_key_comes_in_front_of_the_path_for_those_who_can_send_no_header() {
        let (_home, lock) = lock(Auth::Auto);
        for (path, shown, rest) in [
            (format!("/k/{KEY}/api/mcp/default"), Shown::Right, "/api/mcp/default"),
            (format!("/k/{KEY}/../admin"), Shown::Right, "/../admin"),
            (format!("/k/{KEY}"), Shown::Right, "/"),
            (format!("/k/{KEY}//x"), Shown::Right, "//x"),
            (format!("/k/{KEY}x/mcp"), Shown::Wrong, "/mcp"),
            (format!("/k/%30{}/mcp", &KEY[1..]), Shown::Wrong, "/mcp"),
            ("/k//mcp".into(), Shown::Wrong, "/mcp"),
            (
                format!("/.well-known/oauth-protected-resource/k/{KEY}/api/mcp/x"),
                Shown::Right,
                "/.well-known/oauth-protected-resource/api/mcp/x",
            ),
        ] {
            assert_eq!(lock.try_path(&path), Some((shown, rest.into())), "{path}");
        }
        for path in [format!("//k/{KEY}/mcp"), format!("/K/{KEY}/mcp"), format!("/x/k/{KEY}"), "/k".into()] {
            assert_eq!(lock.try_path(&path), None, "{path}");
        }
    }

    #[test]
    fn a_log_holds_no_key_whether_right_or_wrong_and_however_it_is_spelt() {
        for path in [
            format!("/k/{KEY}/mcp"),
            format!("//k//{KEY}/mcp"),
            format!("/%6b/{KEY}/mcp"),
            format!("/k%2f{KEY}/mcp"),
            format!("/K\\{KEY}/mcp"),
            format!("/.well-known/x/k/{KEY}"),
            format!("/k/./{KEY}/mcp"),
        ] {
            let logged = redact(&path);
            assert!(logged.contains("***") && !logged.contains(&KEY[..8]), "{path}: {logged}");
        }
        assert_eq!(redact("/k/secret/api/mcp/x"), "/k/***/api/mcp/x");
        assert_eq!(redact("/api/mcp/k%20"), "/api/mcp/k%20");
    }

    #[test]
    fn where_it_guards_itself_every_path_is_asked_for_once() {
        let (_home, lock) = lock(Auth::Auto);
        assert!(!lock.must_ask_at("/mcp"), "a key is needed there anyhow");
        lock.set_guarded(true);
        assert!(lock.must_ask_at("/mcp"));
        lock.saw_refusal_at("/mcp");
        assert!(!lock.must_ask_at("/mcp") && lock.must_ask_at("/api/mcp/other"));
        lock.set_guarded(true);
        assert!(lock.must_ask_at("/mcp"), "it may be another gateway now");
    }

    #[test]
    fn a_key_at_the_wrong_place_of_a_path_is_in_no_log() {
        let (_home, lock) = lock(Auth::Auto);
        for path in [
            format!("/{KEY}/api/mcp"),
            format!("/api/mcp/default/{KEY}"),
            format!("/k/x/../{KEY}/mcp"),
            format!("/api/mcp/%30{}", &KEY[1..]),
        ] {
            assert!(!lock.redact(&path).contains(&KEY[1..]), "{path}");
        }
    }

    #[test]
    fn who_showed_the_key_takes_it_nowhere_else() {
        let (_home, lock) = lock(Auth::Auto);
        let mut map = headers(&[&format!("Bearer {KEY}, x"), KEY, "Bearer other"]);
        map.insert("x-api-key", KEY.parse().unwrap());
        map.insert("x-short", "0".parse().unwrap());
        assert!(!lock.takes_key_out(&mut map, "/mcp?a=b"));
        assert_eq!(map.keys().collect::<Vec<_>>(), ["x-short"]);
        assert!(lock.takes_key_out(&mut map, &format!("/mcp?key={KEY}")));
        assert!(!Lock::open().takes_key_out(&mut map, &format!("/mcp?key={KEY}")));
    }

    #[test]
    fn a_key_that_was_replaced_opens_nothing_a_moment_later() {
        let (home, lock) = lock(Auth::Auto);
        let file = home.path().join("x.key");
        let other = KEY.replace('0', "9");
        fs::write(&file, &other).unwrap();
        let later = SystemTime::now() + Duration::from_secs(5);
        fs::File::options().write(true).open(&file).unwrap().set_modified(later).unwrap();
        let kept = lock.kept.as_ref().unwrap();
        assert!(kept.fits(KEY.as_bytes()), "for a moment both open, unless it is told");
        kept.now.lock().unwrap().looked = Instant::now() - Lock::LOOK_ANEW;
        assert!(kept.fits(other.as_bytes()) && !kept.fits(KEY.as_bytes()), "the new one at once");
        fs::write(&file, KEY).unwrap();
        lock.look_anew();
        assert!(kept.fits(KEY.as_bytes()) && !kept.fits(other.as_bytes()), "told, at once");
        lock.look_anew();
        fs::write(&file, &other).unwrap();
        lock.look_anew();
        fs::remove_file(&file).unwrap();
        kept.now.lock().unwrap().looked = Instant::now() - Lock::LOOK;
        assert!(kept.fits(other.as_bytes()), "a file that is gone shuts nobody out");
    }
}
