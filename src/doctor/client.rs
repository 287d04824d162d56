//! MCP clients: whether their config files can be read, and whether our entry in them is true.

use super::Check;

pub(super) fn checks() -> Vec<Check> {
    vec![]
}
