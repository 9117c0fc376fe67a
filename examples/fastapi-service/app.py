"""A service that lets in who Countersign has signed in: `uvicorn app:app --port 8081`."""

from typing import Annotated

from fastapi import Depends, FastAPI

from countersign import CurrentUser, User, require_role

app = FastAPI()


@app.get("/me")
def me(user: CurrentUser) -> User:
    return user


@app.get("/admin")
def admin(user: Annotated[User, Depends(require_role("admin"))]) -> str:
    return f"user {user.id} is an administrator"
