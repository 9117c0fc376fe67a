"""An authentication service of the usual shape, to be measured beside Countersign.

FastAPI, async SQLAlchemy on SQLite, bcrypt at cost 12, PyJWT: the parts that most tutorials put together, in the way
they do. HASH_IN_THREADS=1 moves the hashing to threads, as a careful author would.
"""

import os
import secrets
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import bcrypt
import jwt
from anyio import to_thread
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, EmailStr
from sqlalchemy import event, select
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

DATABASE = os.environ["DATABASE"]
SECRET = os.environ["JWT_SECRET"]
IN_THREADS = os.environ.get("HASH_IN_THREADS") == "1"

engine = create_async_engine(f"sqlite+aiosqlite:///{DATABASE}", connect_args={"timeout": 30})
sessions = async_sessionmaker(engine, expire_on_commit=False)


@event.listens_for(engine.sync_engine, "connect")
def configure(connection, _record):
    cursor = connection.cursor()
    cursor.execute("pragma journal_mode = wal")
    cursor.execute("pragma synchronous = full")
    cursor.close()


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True, index=True)
    username: Mapped[str] = mapped_column(unique=True, index=True)
    hashed_password: Mapped[str]
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(default=lambda: datetime.now(UTC))


class RefreshToken(Base):
    __tablename__ = "refresh_tokens"

    token: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(index=True)
    is_spent: Mapped[bool] = mapped_column(default=False)


class Registration(BaseModel):
    email: EmailStr
    username: str
    password: str


class Login(BaseModel):
    email: EmailStr
    password: str


class Refresh(BaseModel):
    refresh_token: str


class UserOut(BaseModel):
    id: int
    email: EmailStr
    username: str
    is_active: bool
    created_at: datetime


class TokenPair(BaseModel):
    access_token: str
    refresh_token: str
    token_type: str = "bearer"
    user: UserOut


@asynccontextmanager
async def lifespan(_app):
    try:
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
    except OperationalError:
        pass  # the other worker was faster
    yield


app = FastAPI(lifespan=lifespan)
bearer = HTTPBearer()


async def database():
    async with sessions() as session:
        yield session


async def hashing(function, *arguments):
    if IN_THREADS:
        return await to_thread.run_sync(partial(function, *arguments))
    return function(*arguments)


async def issue(session: AsyncSession, user: User) -> TokenPair:
    expires = datetime.now(UTC) + timedelta(minutes=30)
    access_token = jwt.encode({"sub": str(user.id), "exp": expires}, SECRET, algorithm="HS256")
    refresh_token = secrets.token_urlsafe(32)
    session.add(RefreshToken(token=refresh_token, user_id=user.id))
    await session.commit()
    user_out = UserOut.model_validate(user, from_attributes=True)
    return TokenPair(access_token=access_token, refresh_token=refresh_token, user=user_out)


async def get_current_user(
    credentials: HTTPAuthorizationCredentials = Depends(bearer), session: AsyncSession = Depends(database)
) -> User:
    try:
        claims = jwt.decode(credentials.credentials, SECRET, algorithms=["HS256"])
    except jwt.InvalidTokenError as error:
        raise HTTPException(401, "Could not validate credentials") from error
    user = await session.get(User, int(claims["sub"]))
    if user is None or not user.is_active:
        raise HTTPException(401, "Could not validate credentials")
    return user


@app.get("/health/ready")
async def ready():
    return {"status": "ok"}


@app.post("/auth/register", status_code=201)
async def register(body: Registration, session: AsyncSession = Depends(database)) -> TokenPair:
    hashed = await hashing(bcrypt.hashpw, body.password.encode(), bcrypt.gensalt(12))
    user = User(email=body.email, username=body.username, hashed_password=hashed.decode())
    session.add(user)
    try:
        await session.commit()
    except IntegrityError as error:
        raise HTTPException(409, "Already registered") from error
    return await issue(session, user)


@app.post("/auth/login")
async def login(body: Login, session: AsyncSession = Depends(database)) -> TokenPair:
    user = await session.scalar(select(User).where(User.email == body.email))
    if user is None or not await hashing(bcrypt.checkpw, body.password.encode(), user.hashed_password.encode()):
        raise HTTPException(401, "Incorrect email or password")
    return await issue(session, user)


@app.post("/auth/refresh")
async def refresh(body: Refresh, session: AsyncSession = Depends(database)) -> TokenPair:
    spent = await session.get(RefreshToken, body.refresh_token)
    if spent is None or spent.is_spent:
        raise HTTPException(401, "Invalid refresh token")
    spent.is_spent = True
    user = await session.get(User, spent.user_id)
    return await issue(session, user)


@app.get("/auth/me")
async def me(user: User = Depends(get_current_user)) -> UserOut:
    return UserOut.model_validate(user, from_attributes=True)
