//! What servers tell one another, as the triggers of the database write it.

use crate::heads::HeadId;
use crate::model::{AssetId, JobId, ProjectId, UploadId, WorkflowId};

/// Something that another server or a command has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    Job {
        project: ProjectId,
        id: JobId,
        is: JobNews,
    },
    Workflow {
        project: ProjectId,
        id: WorkflowId,
    },
    Asset {
        project: ProjectId,
        id: AssetId,
    },
    /// Some were revoked, or what tokens are signed with was changed.
    Keys,
    /// Somebody wants to go on with it.
    Upload(UploadId),
    /// Nobody knows what.
    Anything,
}

/// What has become of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobNews {
    /// It may be claimed.
    Ready,
    /// Nobody needs its attempt any more: it was canceled, or is gone.
    Unwanted,
    /// Anything else.
    Changed,
}

/// Who tells it, and what. What is not understood may be anything.
pub(super) fn read(payload: &str) -> (Option<HeadId>, News) {
    let mut words = payload.split(' ');
    let by = words.next().and_then(|word| word.parse().ok()).filter(|id| *id != 0).map(HeadId);
    (by, understand(&words.collect::<Vec<_>>()).unwrap_or(News::Anything))
}

fn understand(words: &[&str]) -> Option<News> {
    let number = |word: &str| word.parse::<i64>().ok();
    Some(match *words {
        ["job", project, id, state] => News::Job {
            project: ProjectId(number(project)?),
            id: JobId(number(id)?),
            is: match state {
                "ready" => JobNews::Ready,
                "canceled" | "gone" => JobNews::Unwanted,
                _ => JobNews::Changed,
            },
        },
        ["workflow", project, id] => {
            News::Workflow { project: ProjectId(number(project)?), id: WorkflowId(number(id)?) }
        }
        ["asset", project, id] => {
            News::Asset { project: ProjectId(number(project)?), id: AssetId(number(id)?) }
        }
        ["keys"] => News::Keys,
        ["upload", id] => News::Upload(UploadId(number(id)?)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_understood_may_be_anything() {
        let job = |is| News::Job { project: ProjectId(3), id: JobId(9), is };
        assert_eq!(read("7 job 3 9 ready"), (Some(HeadId(7)), job(JobNews::Ready)));
        assert_eq!(read("7 job 3 9 canceled"), (Some(HeadId(7)), job(JobNews::Unwanted)));
        assert_eq!(read("0 job 3 9 gone"), (None, job(JobNews::Unwanted)), "a command has no number");
        assert_eq!(read("7 job 3 9 success").1, job(JobNews::Changed));
        let workflow = News::Workflow { project: ProjectId(3), id: WorkflowId(4) };
        assert_eq!(read("7 workflow 3 4").1, workflow);
        assert_eq!(read("7 asset 3 4").1, News::Asset { project: ProjectId(3), id: AssetId(4) });
        assert_eq!((read("7 keys").1, read("7 upload 5").1), (News::Keys, News::Upload(UploadId(5))));
        for strange in ["", "7", "7 job", "7 job 3 x ready", "7 job 3 9 ready more", "x star 1"] {
            assert_eq!(read(strange).1, News::Anything, "{strange:?}");
        }
    }
}
