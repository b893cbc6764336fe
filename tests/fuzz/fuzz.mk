# Part of fastpath/Makefile: one libFuzzer program; its first argument chooses the target (`build/fuzz/run list`).
FUZZ_DIR := ../tests/fuzz
FUZZ_SANITIZE := address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -O1 -g
FUZZ_OBJECTS := $(SOURCES:%.c=$(BUILD)/fuzz/%.o) $(TEST_PARTS:$(BUILD)/san/%=$(BUILD)/fuzz/%) \
	$(patsubst $(FUZZ_DIR)/%.c,$(BUILD)/fuzz/own/%.o,$(wildcard $(FUZZ_DIR)/*.c))
FUZZ_COMPILE = @mkdir -p $(@D); echo 'CC $@'; $(CLANG) $(BASE) $(INCLUDES) -fsanitize=fuzzer-no-link,$(FUZZ_SANITIZE) -c $< -o $@

$(BUILD)/fuzz/%.o: %.c $(HEADERS)
	$(FUZZ_COMPILE)
$(BUILD)/fuzz/parts/%.o: ../tests/unit/c/parts/%.c $(HEADERS) $(TEST_HEADERS)
	$(FUZZ_COMPILE)
$(BUILD)/fuzz/own/%.o: $(FUZZ_DIR)/%.c $(HEADERS) $(TEST_HEADERS) $(FUZZ_DIR)/fuzz.h
	$(FUZZ_COMPILE)

$(BUILD)/fuzz/run: $(FUZZ_OBJECTS)
	@echo 'LD $@'
	@$(CLANG) -fsanitize=fuzzer,$(FUZZ_SANITIZE) $^ -o $@ $(LIBS)

fuzz: $(BUILD)/fuzz/run $(BUILD)/apps.bin ## the kept crashes, then every fuzz target (T="A B": these), SECONDS in all
	@cd .. && $(abspath $(PYTHON)) -m tests.fuzz.run fastpath/$(BUILD)/fuzz fastpath/$(BUILD)/apps.bin $(SECONDS) $(T)
