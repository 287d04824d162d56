//! ngrok's error codes, as far as they decide something: what each calls for, in plain words.

use crate::provider::{Fault, Verdict};

/// What a code of ngrok's calls for.
#[derive(Clone, Copy)]
pub(super) struct Known {
    code: &'static str,
    verdict: Verdict,
    message: &'static str,
    fix: &'static str,
}

impl Known {
    pub(super) fn fault(self, said: &str) -> Fault {
        let message = format!("{} ({said})", self.message);
        Fault { code: self.code, verdict: self.verdict, message, fix: Some(self.fix.into()) }
    }
}

/// The code's meaning; one that nobody knows decides nothing.
pub(super) fn known(code: u32) -> Option<Known> {
    const TOKEN: &str = "run `ngrok config add-authtoken TOKEN` with the token from \
        https://dashboard.ngrok.com/get-started/your-authtoken, or `mcpgw providers setup ngrok`";
    const ACCOUNT: &str =
        "look at https://dashboard.ngrok.com; `mcpgw tunnel --provider localtunnel` needs no account";
    const UPDATE: &str = "install the newest version: https://ngrok.com/download, or run `ngrok update`";
    const PLAN: &str = "leave --domain and --subdomain out for the account's own free address, \
        or reserve the name at https://dashboard.ngrok.com/domains";
    let (code, verdict, message, fix) = match code {
        4018 => ("ngrok.4018", Verdict::Permanent, "ngrok needs an account and its authtoken", TOKEN),
        105 | 106 | 107 | 109 => {
            ("ngrok.authtoken", Verdict::Permanent, "ngrok refuses the authtoken", TOKEN)
        }
        102 | 103 | 115 | 116 | 118 | 8014 | 9040 => {
            ("ngrok.account", Verdict::Permanent, "ngrok refuses this account", ACCOUNT)
        }
        119..=121 => (
            "ngrok.version",
            Verdict::Permanent,
            "ngrok no longer accepts this version of its program",
            UPDATE,
        ),
        108 => (
            "ngrok.108",
            Verdict::Taken,
            "another ngrok of this account is running, and the plan allows one",
            "end the other one (https://dashboard.ngrok.com/agents lists them), or use another provider",
        ),
        300..=333 => ("ngrok.plan", Verdict::Permanent, "the account may not use this name", PLAN),
        334 => (
            "ngrok.334",
            Verdict::NameBound,
            "the address is still bound to another ngrok",
            "end the other one (https://dashboard.ngrok.com/agents lists them), or choose another --domain",
        ),
        725..=727 => (
            "ngrok.limit",
            Verdict::Permanent,
            "the account's monthly limit is used up",
            "wait for the next month, upgrade the plan, or use another provider",
        ),
        3200 => (
            "ngrok.3200",
            Verdict::Restart,
            "ngrok's cloud takes the tunnel for offline",
            "it is started again",
        ),
        8012 | 3004 => (
            "ngrok.local",
            Verdict::NotOurs,
            "ngrok could not reach the local side",
            "the tunnel is left alone",
        ),
        _ => return None,
    };
    Some(Known { code, verdict, message, fix })
}
