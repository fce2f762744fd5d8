"""Commands for analysts: their logins of the database, their tokens for HTTP, and what there is to see."""

from typing import Annotated, Any

import typer

from balto.cli.common import AsJson, fail, out, print_json, print_rows
from balto.cli.opening import with_store

app = typer.Typer(help="Analysts: who reads which clients' rows in the views of schema bi.", no_args_is_help=True)

Login = Annotated[str, typer.Argument(help="Name of the login.")]


@app.command()
def grant(
    tenant: Annotated[str, typer.Argument(help="Code of the client whose rows it sees.")],
    login: Login,
    new_password: Annotated[bool, typer.Option("--new-password", help="Also give it another password.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let a login of the database see a client's rows; a new login's password is shown only now."""
    from projections.analysts import AnalystError, grant_analyst

    async def work(library: Any) -> str | None:
        try:
            return await grant_analyst(library.dsn, tenant, login, new_password=new_password)
        except AnalystError as error:
            fail(str(error))

    password = with_store(work)
    if as_json:
        print_json({"login": login, "tenant": tenant, "password": password})
        return
    out.print(f"{login} sees the rows of {tenant}")
    if password is not None:
        out.print(f"password {password}", markup=False)


@app.command()
def revoke(
    login: Login,
    tenant: Annotated[str | None, typer.Option("--tenant", help="This client's rows alone.")] = None,
    as_json: AsJson = False,
) -> None:
    """Take a client's rows, or all, from a login; one that is left with none is dropped."""
    from projections.analysts import AnalystError, revoke_analyst

    async def work(library: Any) -> bool:
        try:
            return await revoke_analyst(library.dsn, login, tenant)
        except AnalystError as error:
            fail(str(error))

    dropped = with_store(work)
    if as_json:
        print_json({"login": login, "tenant": tenant, "dropped": dropped})
        return
    out.print(f"dropped {login}" if dropped else f"{login} no longer sees the rows of {tenant}")


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List logins and the clients whose rows they see."""
    from projections.analysts import list_analysts

    rows = with_store(lambda library: list_analysts(library.dsn))
    print_rows(rows, ("login", "tenant", "granted_at"), title="Analysts", as_json=as_json)


@app.command()
def token(
    tenant: Annotated[str, typer.Argument(help="Code of the client whose rows it opens.")],
    label: Annotated[str, typer.Option("--label", help="What it is for; nothing personal.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make a token for /api/v1 (as `Authorization: Bearer`), which is shown only now."""
    from balto.accounts import UnknownClientError
    from balto.analysts import issue_token

    async def work(library: Any) -> tuple[str, str]:
        try:
            return await issue_token(library.store, tenant, label)
        except UnknownClientError:
            fail(f"there is no client {tenant} (`balto counters list` names them)")

    token_id, made = with_store(work)
    if as_json:
        print_json({"token_id": token_id, "tenant": tenant, "token": made})
        return
    out.print(f"token {token_id} opens the rows of {tenant}")
    out.print(made, markup=False)


@app.command()
def tokens(as_json: AsJson = False) -> None:
    """List the tokens that open something."""
    from balto.analysts import list_tokens

    rows = with_store(lambda library: list_tokens(library.store))
    print_rows(rows, ("token_id", "tenant", "label", "issued_at"), title="Tokens of analysts", as_json=as_json)


@app.command("revoke-token")
def revoke_token(token_id: Annotated[str, typer.Argument(help="Its id.")], as_json: AsJson = False) -> None:
    """Let a token open nothing from its next request on."""
    from balto.analysts import UnknownTokenError
    from balto.analysts import revoke_token as revoke_it

    async def work(library: Any) -> None:
        try:
            await revoke_it(library.store, token_id)
        except UnknownTokenError as error:
            fail(str(error))

    with_store(work)
    if as_json:
        print_json({"token_id": token_id, "revoked": True})
    else:
        out.print(f"token {token_id} opens nothing any more")


@app.command()
def views(as_json: AsJson = False) -> None:
    """List the views of schema bi; `balto export` writes them to files."""
    from projections.bi import bi_views

    rows = [{"name": view.name, "key": view.key, "time": view.time} for view in bi_views()]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        out.print(f"bi.{row['name']}  one row a {', '.join(row['key'] or ())}", markup=False)
