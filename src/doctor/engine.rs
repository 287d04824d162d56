//! Runs the table: each check as soon as what it needs has ended well, all others meanwhile, each within
//! its limit. Knows nothing of what they look at.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::{Check, Finding, Row, Selection, Verdict, World};

pub(super) async fn run(table: Vec<Check>, selection: &Selection, world: Arc<World>) -> Vec<Row> {
    let wanted = selection.closure(&table);
    let table: Vec<Check> = table.into_iter().filter(|check| wanted.contains(&check.id)).collect();
    let mut done: HashMap<String, Outcome> = HashMap::new();
    let mut waiting: Vec<&Check> = table.iter().collect();
    let mut running = JoinSet::new();
    // Whatever hangs, a person is not kept waiting for longer.
    let end = tokio::time::sleep(ALL);
    tokio::pin!(end);
    loop {
        // A skip settles what needs it in turn, so once more until nothing is settled.
        let mut moved = true;
        while std::mem::take(&mut moved) {
            waiting.retain(|check| match standing(check, &done) {
                Standing::Waits => true,
                Standing::Blocked(outcome) => {
                    done.insert(check.id.clone(), outcome);
                    moved = true;
                    false
                }
                Standing::Clear => {
                    let (id, limit, answer) = (check.id.clone(), check.limit, (check.run)(world.clone()));
                    running.spawn(async move {
                        let found = tokio::time::timeout(limit, answer).await;
                        (id, found.unwrap_or_else(|_| Finding::unable(format!("no answer within {limit:?}"))))
                    });
                    false
                }
            });
        }
        let next = tokio::select! {
            next = running.join_next() => next,
            () = &mut end => None,
        };
        match next {
            Some(Ok((id, finding))) => drop(done.insert(id, Outcome { finding, because: None })),
            Some(Err(_)) => {}
            None => break,
        }
    }
    for check in table
        .iter()
        .filter(|check| !done.contains_key(&check.id))
        .map(|check| check.id.clone())
        .collect::<Vec<_>>()
    {
        done.insert(check, Outcome { finding: Finding::unable("there was no time for it"), because: None });
    }
    let shown = table.iter().filter(|check| selection.shows(&check.id));
    shown.map(|check| row(&check.id, done.remove(&check.id))).collect()
}

/// How long a whole run may take.
const ALL: std::time::Duration = std::time::Duration::from_secs(9);

#[derive(Clone)]
struct Outcome {
    finding: Finding,
    /// The check whose finding keeps this one from being looked at.
    because: Option<String>,
}

enum Standing {
    Waits,
    Clear,
    Blocked(Outcome),
}

fn standing(check: &Check, done: &HashMap<String, Outcome>) -> Standing {
    let mut needs = check.needs.iter().map(|need| (*need, done.get(*need)));
    if let Some((need, Some(outcome))) =
        needs.clone().find(|(_, outcome)| outcome.is_some_and(|it| it.finding.blocks))
    {
        let root = outcome.because.clone().unwrap_or_else(|| need.to_string());
        let why = match (&outcome.because, outcome.finding.verdict) {
            (Some(_), _) => outcome.finding.evidence.clone(),
            (None, Verdict::Skip) => format!("needs {root}: {}", outcome.finding.evidence),
            (None, Verdict::Warn) => format!("needs {root}, which is not there yet"),
            (None, _) => format!("needs {root}, which failed"),
        };
        return Standing::Blocked(Outcome { finding: Finding::skip(why), because: Some(root) });
    }
    match needs.all(|(_, outcome)| outcome.is_some()) {
        true => Standing::Clear,
        false => Standing::Waits,
    }
}

fn row(id: &str, outcome: Option<Outcome>) -> Row {
    let broken = || Outcome { finding: Finding::unable("the check itself broke off"), because: None };
    let Outcome { finding, because } = outcome.unwrap_or_else(broken);
    let Finding { verdict, evidence, fix, unable, .. } = finding;
    Row { id: id.into(), verdict, evidence, fix, because, unable }
}
