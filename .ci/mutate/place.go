package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
)

// A place is where a file can be broken: what stands from one offset to another
// is written otherwise.
type place struct {
	file     string
	line     int
	text     []byte // the whole file
	from, to int
	instead  string
}

func (p place) String() string {
	was := strings.Join(strings.Fields(string(p.text[p.from:p.to])), " ")
	return fmt.Sprintf("%s:%d: %.80s → %.80s", p.file, p.line, was, p.instead)
}

// whole is the line on which it begins.
func (p place) whole() string {
	from, to := bytes.LastIndexByte(p.text[:p.from], '\n')+1, bytes.IndexByte(p.text[p.from:], '\n')
	return string(bytes.TrimSpace(p.text[from : p.from+to]))
}

func (p place) source() []byte {
	return append(append(bytes.Clone(p.text[:p.from]), p.instead...), p.text[p.to:]...)
}

// breaks returns every place of a part.
func (p part) breaks() (all []place, err error) {
	for _, pattern := range p.files {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			return nil, fmt.Errorf("there is no %s: run it at the top of the repository (%w)", pattern, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") || strings.HasSuffix(file, "_other.go") {
				continue
			}
			some, err := breaksOf(file)
			if err != nil {
				return nil, err
			}
			all = append(all, some...)
		}
	}
	return all, nil
}

// swaps are operators, and what stands in their place.
var swaps = map[token.Token]token.Token{
	token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR,
	token.EQL: token.NEQ, token.NEQ: token.EQL, token.LAND: token.LOR, token.LOR: token.LAND,
	token.ADD: token.SUB, token.SUB: token.ADD, token.AND: token.OR, token.OR: token.AND, token.SHL: token.SHR, token.SHR: token.SHL,
}

func breaksOf(file string) (all []place, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, file, text, 0)
	if err != nil {
		return nil, err
	}
	add := func(from, to token.Pos, instead string) {
		all = append(all, place{file, set.Position(from).Line, text, set.Position(from).Offset, set.Position(to).Offset, instead})
	}
	for _, decl := range tree.Decls {
		f, isFunc := decl.(*ast.FuncDecl)
		if !isFunc || f.Body == nil {
			continue
		}
		ast.Inspect(f.Body, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				return !words(n)
			case *ast.BinaryExpr:
				if other, ok := swaps[n.Op]; ok && !joins(n) {
					add(n.OpPos, n.OpPos+token.Pos(len(n.Op.String())), other.String())
				}
			case *ast.UnaryExpr:
				if n.Op == token.NOT {
					add(n.OpPos, n.OpPos+1, "")
				}
			case *ast.Ident:
				if n.Name == "true" || n.Name == "false" {
					add(n.Pos(), n.End(), map[string]string{"true": "false", "false": "true"}[n.Name])
				}
			case *ast.BlockStmt:
				for _, s := range n.List {
					if removable(s) {
						add(s.Pos(), s.End(), "")
					}
				}
			}
			return true
		})
	}
	return all, nil
}

// removable says that a statement can be left out.
func removable(s ast.Stmt) bool {
	switch s := s.(type) {
	case *ast.ExprStmt:
		call, isCall := s.X.(*ast.CallExpr)
		return !isCall || !words(call)
	case *ast.AssignStmt:
		return s.Tok != token.DEFINE && !blank(s)
	case *ast.IncDecStmt:
		return true
	}
	return false
}

// blank says that nothing is kept: _ = f().
func blank(s *ast.AssignStmt) bool {
	name, ok := s.Lhs[0].(*ast.Ident)
	return ok && name.Name == "_" && len(s.Lhs) == 1
}

// words says that a call only says something, to people, or makes room.
func words(call *ast.CallExpr) bool {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name == "make" || f.Name == "panic" || f.Name == "cap" || f.Name == "newError" || f.Name == "invalid"
	case *ast.SelectorExpr:
		switch f.Sel.Name {
		case "Debug", "Info", "Warn", "Error", "Errorf", "Sprintf", "Log", "Grow", "Clip":
			return true
		}
	}
	return false
}

// joins says that an operator joins text: what is not text does not build.
func joins(n *ast.BinaryExpr) bool {
	for _, side := range []ast.Expr{n.X, n.Y} {
		if b, ok := side.(*ast.BasicLit); ok && b.Kind == token.STRING && n.Op == token.ADD {
			return true
		}
	}
	return false
}
