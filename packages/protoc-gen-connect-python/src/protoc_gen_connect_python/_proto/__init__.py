"""Reads the descriptors that protoc sends into a model of files, services and methods."""
