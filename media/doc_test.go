package media_test

import (
	"os"
	"os/exec"
	"regexp"
	"testing"
)

func TestEveryInvariantNamesATestThatExists(t *testing.T) {
	list, err := exec.Command(os.Args[0], "-test.list", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`\b(Test|Fuzz)[A-Z]\w+`).FindAll(doc, -1)
	for _, name := range named {
		if ok, _ := regexp.Match(`(?m)^`+string(name)+`$`, list); !ok {
			t.Errorf("there is no %s", name)
		}
	}
	if len(named) < 20 {
		t.Errorf("%d tests are named", len(named))
	}
}
