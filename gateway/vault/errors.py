"""What the vault can refuse, as its callers are told.

CallerError                  in core.errors
├── NoSuchBlob          403  nothing of this name, or not this team's: which of the two is not told
├── NoSuchUpload        404  no upload of this token, or no longer
├── NoSuchResult        404  nothing of this name, or not any more
├── NameTaken           409  the team has a blob of this name
└── StorageFull         429  the team keeps as much as it may
"""

from gateway.core.errors import CallerError


class NoSuchBlob(CallerError):
    """In Google's words, which people search for."""

    status = 403
    google_status = "PERMISSION_DENIED"
    code = "file_not_found"
    reason = "FILE_NOT_FOUND"

    def __init__(self, name: str, *, param: str | None = None) -> None:
        message = f"You do not have permission to access the File {name} or it may not exist."
        super().__init__(message, param=param)


class NoSuchUpload(CallerError):
    status = 404
    google_status = "NOT_FOUND"
    code = "upload_not_found"
    reason = "UPLOAD_NOT_FOUND"


class NoSuchResult(CallerError):
    status = 404
    google_status = "NOT_FOUND"
    code = "result_not_found"
    reason = "RESULT_NOT_FOUND"


class NameTaken(CallerError):
    status = 409
    google_status = "ALREADY_EXISTS"
    code = "already_exists"
    reason = "ALREADY_EXISTS"


class StorageFull(CallerError):
    status = 429
    google_status = "RESOURCE_EXHAUSTED"
    code = "storage_full"
    reason = "STORAGE_FULL"
