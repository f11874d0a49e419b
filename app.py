"""Builds the one ASGI application: the API and the page. `python app.py` serves it."""

from citydip_rag.serving import build_app, serve
from citydip_rag.settings import load_settings


def create_app():  # noqa: ANN201  # for `uvicorn --factory app:create_app`
    """The application with the settings of the environment."""
    return build_app(load_settings())


if __name__ == "__main__":
    serve(load_settings())
