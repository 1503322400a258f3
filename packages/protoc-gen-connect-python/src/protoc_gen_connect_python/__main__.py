"""`python -m protoc_gen_connect_python`, for those whose PATH lacks the console script."""

from protoc_gen_connect_python._plugin import main

if __name__ == "__main__":
    main()
