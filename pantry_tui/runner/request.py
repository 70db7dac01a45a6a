"""What the runner must know of a request: its names for people, and which others it excludes."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from pantry_tui.events import Finished
from pantry_tui.models import (
    Around,
    BackupRequest,
    CopyRequest,
    DatabaseTarget,
    DiffRequest,
    DrillPlace,
    DrillRequest,
    ExportRequest,
    ForeignPlanRequest,
    ForeignRestoreRequest,
    ImportRequest,
    JobRequest,
    MarkRequest,
    PlanRequest,
    ReleaseRequest,
    RepositoryTarget,
    RestoreRequest,
    RetentionRequest,
    RollbackRequest,
    Unlocking,
    ValidateRequest,
)

MakesBackup: TypeAlias = BackupRequest | ImportRequest
OfNoRepository: TypeAlias = RollbackRequest | ReleaseRequest

_WHERE = ("PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGSERVICE", "PGSERVICEFILE")

_decoder: msgspec.json.Decoder[JobRequest] = msgspec.json.Decoder(JobRequest)
_unlocking_decoder: msgspec.json.Decoder[Unlocking] = msgspec.json.Decoder(Unlocking)
_retention_decoder: msgspec.json.Decoder[RetentionRequest] = msgspec.json.Decoder(RetentionRequest)
_mark_decoder: msgspec.json.Decoder[MarkRequest] = msgspec.json.Decoder(MarkRequest)


def decode_request(data: bytes) -> JobRequest:
    """Reads a request. Raises `msgspec.DecodeError` or `msgspec.ValidationError`."""
    return _decoder.decode(data)


def decode_mark(data: bytes) -> MarkRequest:
    """Reads what a backup is to be marked with. Raises as `decode_request` does."""
    return _mark_decoder.decode(data)


def decode_retention(data: bytes) -> RetentionRequest:
    """Reads by which policies to look at a repository. Raises as `decode_request` does."""
    return _retention_decoder.decode(data)


def decode_unlocking(data: bytes) -> Unlocking:
    """Reads what opens an encrypted backup. Raises as `decode_request` does."""
    return _unlocking_decoder.decode(data)


def kind_of(request: JobRequest) -> str:
    """The word for what is asked: backup, import, validate, copy, restore, plan, foreign_restore, drill, rollback …"""
    kind = request.__struct_config__.tag
    return str(kind)


def title_of(request: JobRequest) -> str:
    """The request in a few words."""
    if isinstance(request, BackupRequest):
        return f"backup of {request.database.name} into {request.repository.name}"
    if isinstance(request, PlanRequest):
        return f"plan of a restore of {request.backup_id} into {request.target.name}"
    if isinstance(request, RestoreRequest):
        return f"restore of {request.backup_id} into {request.target.name}"
    if isinstance(request, DrillRequest):
        return f"drill of {request.backup_id} on {_drilled_on(request)}"
    if isinstance(request, RollbackRequest):
        return f"rollback of recovery {request.undo} of {request.target.name}"
    if isinstance(request, ReleaseRequest):
        return f"release of recovery {request.undo} of {request.target.name}"
    if isinstance(request, ForeignPlanRequest):
        return f"plan of a restore of {request.backup_id or request.path} into {request.target.name}"
    if isinstance(request, ForeignRestoreRequest):
        return f"restore of {request.backup_id or request.path} into {request.target.name}"
    if isinstance(request, ImportRequest):
        return f"import of {request.path} into {request.repository.name}"
    if isinstance(request, CopyRequest):
        return f"copy of {_copied(request)} to {request.destination.name}"
    if isinstance(request, DiffRequest):
        return f"comparison of {request.backup_id} with {request.database.name}"
    if isinstance(request, ExportRequest):
        return f"export of {request.backup_id} into {request.output}"
    return f"validation of {request.backup_id}"


def _copied(request: CopyRequest) -> str:
    if request.backup_id is not None:
        return request.backup_id
    return f"all backups of {request.database}" if request.database is not None else "all backups"


def _drilled_on(request: DrillRequest) -> str:
    server = request.server if request.where is DrillPlace.SERVER else None
    return f"the server of {server.name}" if server is not None else "a private server"


def database_of(request: JobRequest) -> DatabaseTarget | None:
    """The database that the job works on."""
    if isinstance(request, BackupRequest | DiffRequest):
        return request.database
    if isinstance(request, DrillRequest):
        return request.server if request.where is DrillPlace.SERVER else None
    if isinstance(request, RestoreRequest | ForeignRestoreRequest | RollbackRequest | ReleaseRequest):
        return request.target
    return None


def backup_of(request: JobRequest) -> str | None:
    """The backup that the job reads; a dump that somebody brought may be none."""
    return None if isinstance(request, MakesBackup | OfNoRepository) else request.backup_id


def repository_of(request: JobRequest) -> RepositoryTarget | None:
    """The repository that the job works with; a dump that somebody brought may be in none."""
    return None if isinstance(request, OfNoRepository) else request.repository


def repositories_of(request: JobRequest) -> tuple[RepositoryTarget, ...]:
    """Every repository that the job may have changed."""
    found = repository_of(request)
    further = (request.destination,) if isinstance(request, CopyRequest) else ()
    return (*((found,) if found is not None else ()), *further)


def copies_of(request: JobRequest, last: Finished) -> list[CopyRequest]:
    """What copies the backup that this request had taken to where it is wished."""
    if not isinstance(request, BackupRequest) or last.result is None:
        return []
    told = Around(on_failure=request.around.on_failure)
    return [
        CopyRequest(
            repository=request.repository,
            destination=destination,
            backup_id=str(last.result["id"]),
            around=told,
            started_by=request.started_by,
        )
        for destination in request.around.copies
    ]


def assigned(request: JobRequest, job_id: str) -> JobRequest:
    """The request with the job's id where the work is called so."""
    if isinstance(request, RestoreRequest | ForeignRestoreRequest | RollbackRequest):
        return msgspec.structs.replace(request, recovery_id=job_id)
    if isinstance(request, DrillRequest):
        return msgspec.structs.replace(request, drill_id=job_id)
    return request


def around_of(request: JobRequest) -> Around:
    """What is to be done around the job; around what changes nothing in the end, nothing."""
    if isinstance(request, PlanRequest) or (isinstance(request, RestoreRequest) and request.dry_run):
        return Around()
    surrounded = (
        BackupRequest
        | CopyRequest
        | RestoreRequest
        | ForeignRestoreRequest
        | RollbackRequest
        | DrillRequest
        | ValidateRequest
    )
    return request.around if isinstance(request, surrounded) else Around()


def trust_of(request: JobRequest) -> dict[str, list[str]]:
    """Whom the request trusts besides those that always are, for the audit trail; nothing for nobody."""
    trusts = RestoreRequest | ForeignRestoreRequest | DrillRequest | ExportRequest
    trust = request.trust if isinstance(request, trusts) else ()
    return {"trust": list(trust)} if trust else {}


def database_key(request: JobRequest) -> str | None:
    """Two requests with equal keys work on one database; None excludes nothing: comparisons and plans only read."""
    target = database_of(request)
    if target is None or isinstance(request, DiffRequest | PlanRequest | ForeignPlanRequest):
        return None
    return repr((target.conninfo, [target.environment.get(name) for name in _WHERE]))


def redacted(request: JobRequest) -> JobRequest:
    """The request without anything secret, for what is written down."""
    if isinstance(request, BackupRequest | DiffRequest):
        return msgspec.structs.replace(request, database=request.database.redacted())
    if isinstance(request, RestoreRequest | ForeignRestoreRequest):
        return msgspec.structs.replace(request, target=request.target.redacted(), unlocking=Unlocking())
    if isinstance(request, RollbackRequest | ReleaseRequest):
        return msgspec.structs.replace(request, target=request.target.redacted())
    if isinstance(request, CopyRequest):
        return request
    if isinstance(request, DrillRequest) and request.server is not None:
        return msgspec.structs.replace(request, server=request.server.redacted(), unlocking=Unlocking())
    return msgspec.structs.replace(request, unlocking=Unlocking())


def secrets_of(request: JobRequest) -> tuple[str, ...]:
    """What must never appear in anything written down."""
    target = database_of(request)
    password = target.environment.get("PGPASSWORD") if target else None
    if isinstance(request, BackupRequest | CopyRequest | DiffRequest | RollbackRequest | ReleaseRequest):
        identities: tuple[str, ...] = ()
    else:
        identities = request.unlocking.identities
    return (*([password] if password else ()), *identities)
