"""`python -m protoc_gen_connect_python`, for use when the console script is not on the PATH."""

from protoc_gen_connect_python._cli import main

if __name__ == "__main__":
    main()
