# Build everything
CC := gcc
CFLAGS ?= -O2 -Wall
.PHONY: all clean

all: main.o $(OBJS)
	$(CC) $(CFLAGS) -o $@ $<  # link
	echo "done $$HOME"

ifeq ($(DEBUG),1)
include debug.mk
endif

%.o: %.c
	@gcc -c $<
