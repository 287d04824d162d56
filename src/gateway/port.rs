//! Who serves the gateway's port: before a start nobody may, and to attach somebody must.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::os;
use crate::report::Event;

/// An orphan that still serves the port answers health checks convincingly, so nobody may.
pub fn require_free(port: u16) -> Result<()> {
    if !is_served(port) {
        return Ok(());
    }
    let holder = match os::listener_on(port) {
        Some(process) => format!("{} (pid {})", process.name, process.pid),
        None => "another program".into(),
    };
    let message = format!("start the gateway on port {port}: {holder} listens there already");
    let fix =
        "end that program, use another --port, or leave out the gateway's command to use what runs there";
    Err(Error::failed("gateway.port_taken", message).fix(fix))
}

/// Without a command of ours, the gateway must be there.
pub fn require_served(port: u16) -> Result<()> {
    if is_served(port) {
        return Ok(());
    }
    let message =
        format!("find a gateway: nothing listens on port {port} and no command was given to start one");
    let fix = format!(
        "give its command: mcpgw tunnel --port {port} -- CMD\n\
         or start it first, on port {port} (another one: --port)\n\
         or let mcpgw find out how it starts: mcpgw init\n\
         or try the one inside mcpgw: mcpgw tunnel --demo"
    );
    Err(Error::failed("gateway.not_listening", message).fix(fix))
}

/// What to say of a gateway that has opened `open` and not the `port` it is waited for on. `None` while it
/// has opened none: it may just be slow.
pub fn elsewhere(port: u16, open: &[u16]) -> Option<Event> {
    if open.is_empty() || open.contains(&port) {
        return None;
    }
    let list = open.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let fix = format!("give its port: --port {}, or tell it this one: --env PORT={{port}}", open[0]);
    let message = format!("the gateway listens on port {list}, and is waited for on port {port}");
    Some(Event::notice("gateway.other_port", message, Some(fix)))
}

/// Does anything listen there, on this machine?
pub fn is_served(port: u16) -> bool {
    const LIMIT: Duration = Duration::from_millis(250);
    let addresses: [SocketAddr; 2] = [(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()];
    addresses.iter().any(|address| TcpStream::connect_timeout(address, LIMIT).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_gateway_on_another_port_is_told_apart_from_a_slow_one() {
        assert_eq!((elsewhere(3001, &[]), elsewhere(3001, &[3000, 3001])), (None, None));
        let Some(Event::Notice { message, fix, .. }) = elsewhere(3001, &[4000, 9229]) else { panic!() };
        assert_eq!(message, "the gateway listens on port 4000, 9229, and is waited for on port 3001");
        assert!(fix.unwrap().contains("--port 4000"));
    }

    #[test]
    fn a_served_port_is_not_free_and_its_holder_is_named() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        require_served(port).unwrap();
        let taken = require_free(port).unwrap_err();
        assert!(taken.message.contains(&format!("pid {}", std::process::id())), "{taken}");
        drop(listener);
        require_free(port).unwrap();
        let missing = require_served(port).unwrap_err();
        assert!(missing.fix.unwrap().contains("-- CMD"));
    }
}
